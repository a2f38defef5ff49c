// checkpoint.hpp: A whole checkpoint, opened: its numbers, and the tensors of each part by the reference's names, still
// in their mapped files. Whatever layout, file kind and naming it has (checkpoint_folder.hpp, shards.hpp,
// key_names.hpp) ends here. Needs no LibTorch. Values; any thread.
#pragma once

#include "actors/worker/wan/files/checkpoint_folder.hpp"

namespace reel::wan {

struct checkpoint {
  checkpoint_folder folder;
  model_config config;
  std::array<std::shared_ptr<const tensor_map>, 4> parts; ///< by model_part

  const std::shared_ptr<const tensor_map>& of(model_part p) const { return parts[static_cast<std::size_t>(p)]; }
};

/// Opens the files and reads their headers; no tensor is touched. Throws render_error with the file, the key, what was
/// expected and what was found.
checkpoint open_checkpoint(const std::filesystem::path& folder);

/// One part alone, under the reference's names.
tensor_map read_part(const checkpoint_folder& folder, model_part part);

/// All numbers, from config.json or from the tensors.
model_config read_config(const checkpoint_folder& folder,
                         const std::array<std::shared_ptr<const tensor_map>, 4>& parts);

} // namespace reel::wan
