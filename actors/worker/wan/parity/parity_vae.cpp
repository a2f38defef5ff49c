#include "actors/worker/wan/parity/parts.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/vae_encoder.hpp"

namespace reel::wan {
namespace {

/// Streamed, a latent frame at a time; layers were kept of the first.
void compare_decoding(const parity_subject& s, comparison& c, const std::string& group) {
  vae_stream stream{s.loaded.vae};
  std::vector<at::Tensor> frames;
  layer_recorder layers;
  for (auto& latent : c.input(group + ".z").to(s.loaded.device).unbind(1))
    frames.push_back(stream.next(latent, frames.empty() ? layers.see() : probe{}));
  c.compare(group + ".raw", at::cat(frames).transpose(0, 1));
  for (auto& [name, value] : layers.seen) c.compare(group + "_mid." + name, value.transpose(0, 1).unsqueeze(0));
}

at::Tensor statistic(const std::vector<double>& values) {
  auto out = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
  std::ranges::copy(values, out.data_ptr<double>());
  return out;
}

} // namespace

void compare_vae(const parity_subject& s, comparison& c) {
  auto& config = s.loaded.config.vae;
  auto wanted = at::TensorOptions{}.device(s.loaded.device).dtype(at::kFloat);
  vae_encoder encoder{config, weights{s.files.of(model_part::vae), wanted}};
  for (auto& group : c.groups()) {
    if (c.has(group + ".z")) compare_decoding(s, c, group);
    if (c.has(group + ".video"))
      c.compare(group + ".mu",
                encode_video(encoder, c.input(group + ".video").to(s.loaded.device), config.time_stride()));
  }
  c.compare("scale.mean", statistic(config.mean));
  c.compare("scale.std", statistic(config.deviation));
}

} // namespace reel::wan
