// model.hpp: The whole model in memory: text encoder, two experts, video decoder, loaded from one folder and
// checked against its numbers before the first use. Immutable after loading; one thread computes with it.
#pragma once

#include "actors/worker/wan/dit.hpp"
#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/text_encoder.hpp"
#include "actors/worker/wan/vae_decoder.hpp"

namespace reel::wan {

class model {
public:
  /// Any layout of checkpoint_folder.hpp. Throws render_error with file, key, expected and found.
  model(const std::filesystem::path& folder, at::Device device, const load_options& options = {});
  model(const checkpoint& from, at::Device device, const load_options& options = {});
  model(const model&) = delete;
  model& operator=(const model&) = delete;

  const model_config config;
  const at::Device device;
  const load_options options;
  const text_encoder text;
  const dit high, low;
  const vae_decoder vae;

  /// Before the expert computes: where there is room for one, the other leaves.
  void serve(const dit& expert) const;

  /// High noise from boundary x train_timesteps up; as timesteps fall, a run changes experts at most once.
  bool is_high(double timestep) const {
    return timestep >= config.boundary * static_cast<double>(config.train_timesteps);
  }
};

} // namespace reel::wan
