#include "actors/worker/wan/model.hpp"

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

model::model(const std::filesystem::path& folder, at::Device device)
    : config{read_model_config(folder)}, device{device}, text{config.text, open(config.text_file)},
      high{config.dit, open(config.high_file)}, low{config.dit, open(config.low_file)}, vae{config.vae,
                                                                                            open(config.vae_file)} {}

/// float32 throughout: the reference's own precision for the decoder and for everything that is not a large
/// product.
weights model::open(const std::filesystem::path& file) const {
  return {safetensors_file::open(file), at::TensorOptions{}.device(device).dtype(at::kFloat)};
}

} // namespace reel::wan
