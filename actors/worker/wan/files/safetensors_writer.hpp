// safetensors_writer.hpp: Writes a .safetensors file (safetensors.hpp says the format), whole or not at all.
#pragma once

#include <cstddef>
#include <span>

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

struct tensor_bytes {
  element type = element::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes; ///< row-major, little-endian
};

/// In the order of the names. Throws std::system_error with the file's name.
void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, tensor_bytes, std::less<>>& tensors);

} // namespace reel::wan
