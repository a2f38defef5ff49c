// shards.hpp: Reads a checkpoint that lies in several safetensors files beside an index (NAME.safetensors.index.json):
// {"metadata": {"total_size": bytes}, "weight_map": {"key": "file"}}. Every statement of the index is checked against
// the files: an index that lies would load a half of one checkpoint and a half of another.
#pragma once

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

/// Throws render_error(not_found | corrupt) with the file, the key, what was expected and what was found.
tensor_map read_shards(const std::filesystem::path& index);

/// A tensor file of any kind, told by its name: an index (.json), a .pth or .pt (pth.hpp), else safetensors.
tensor_map read_tensors(const std::filesystem::path& file);

} // namespace reel::wan
