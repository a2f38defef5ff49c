// finite.hpp: Finds numbers that are not finite in a checkpoint's bytes, at the memory's speed: a weight that is NaN or
// infinite makes every video noise, and nothing later says why. Pure; any thread.
#pragma once

#include <optional>

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

/// Index of the first element that is NaN or infinite; whole numbers always are finite.
std::optional<std::size_t> first_not_finite(element type, std::span<const std::byte> bytes);

/// "NaN" or "infinite".
std::string_view what_is(element type, std::span<const std::byte> bytes, std::size_t index);

} // namespace reel::wan
