// pth.hpp: Reads what torch.save wrote: a dictionary of tensors (a module's state_dict), in both of its forms, without
// running anything (pickle.hpp) and without copying the tensors.
//
// Since PyTorch 1.6 a file is a zip archive: NAME/data.pkl is the pickle, NAME/data/KEY the bytes of each storage.
// Before, and today on request: five pickles (a magic number, the protocol, the machine, the dictionary, the list of
// storage keys), then each storage as its number of elements and its bytes. Tensors may share a storage and may lie in
// it with strides.
//
// Format: torch/serialization.py (save and _legacy_save).
#pragma once

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

/// Throws render_error(not_found | corrupt | unsupported) with the file, the key, what was expected and what was found.
tensor_map read_pth(const std::filesystem::path& path);

} // namespace reel::wan
