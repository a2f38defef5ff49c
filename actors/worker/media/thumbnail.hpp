// thumbnail.hpp: One frame as a small png. Pure; any thread. The same frame gives the same bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace reel::media {

inline constexpr int thumbnail_side_max = 320; ///< pixels of the longer side; smaller frames keep their size

/// rgb: height rows of width packed pixels. Throws std::runtime_error, std::bad_alloc; std::invalid_argument
/// for a size that does not fit.
std::vector<std::uint8_t> make_thumbnail(std::span<const std::uint8_t> rgb, int width, int height);

} // namespace reel::media
