#include "actors/worker/wan/model.hpp"

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

/// float32 throughout: the reference's own precision for the decoder and for everything that is not a large
/// product.
weights load(const checkpoint& from, model_part part, at::Device device) {
  return {from.of(part), at::TensorOptions{}.device(device).dtype(at::kFloat)};
}

} // namespace

model::model(const std::filesystem::path& folder, at::Device device) : model{open_checkpoint(folder), device} {}

model::model(const checkpoint& from, at::Device device)
    : config{from.config}, device{device}, text{config.text, load(from, model_part::text_encoder, device)},
      high{config.dit, load(from, model_part::high_noise, device)},
      low{config.dit, load(from, model_part::low_noise, device)}, vae{config.vae, load(from, model_part::vae, device)} {
}

} // namespace reel::wan
