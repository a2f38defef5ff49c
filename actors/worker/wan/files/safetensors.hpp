// safetensors.hpp: Reads a .safetensors file, refusing everything that is not as the format says, so that a truncated
// or lying file is refused at start and never read beyond its end.
//
// Format (github.com/huggingface/safetensors, "Format"): 8 bytes little-endian length N of the header; N bytes of
// JSON {"key": {"dtype", "shape", "data_offsets": [begin, end)}, "__metadata__": {text: text}}; then the data, which
// the tensors must cover without a hole or an overlap.
#pragma once

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

/// Throws render_error(not_found | corrupt) with the file, the key, what was expected and what was found.
tensor_map read_safetensors(const std::filesystem::path& path);
tensor_map read_safetensors(std::shared_ptr<const mapped_file> file);

} // namespace reel::wan
