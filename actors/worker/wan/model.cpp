#include "actors/worker/wan/model.hpp"

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

/// float32: the reference's own precision for the decoder and for everything that is not a large product.
weights load(const checkpoint& from, model_part part, at::Device device) {
  return {from.of(part), at::TensorOptions{}.device(device).dtype(at::kFloat)};
}

} // namespace

model::model(const std::filesystem::path& folder, at::Device device, const load_options& options)
    : model{open_checkpoint(folder), device, options} {}

model::model(const checkpoint& from, at::Device device, const load_options& options)
    : config{from.config}, device{device}, options{options},
      text{config.text, load(from, model_part::text_encoder, device).as(options.products), options.drop_text_encoder},
      high{config.dit, load(from, model_part::high_noise, device), options},
      low{config.dit, load(from, model_part::low_noise, device), options}, vae{config.vae,
                                                                               load(from, model_part::vae, device)} {}

void model::serve(const dit& expert) const {
  auto& other = &expert == &high ? low : high;
  if (options.experts != residency::both) other.unload();
  expert.load();
}

} // namespace reel::wan
