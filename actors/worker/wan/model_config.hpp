// model_config.hpp: Every number of the model; nothing about sizes is written in the code. It comes from one
// config.json (read_model_config) or, for checkpoints that do not have that, from their tensors (derive_config.hpp).
// Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace reel::wan {

/// The diffusion transformer; both experts have the same.
struct dit_config {
  std::array<std::int64_t, 3> patch{}; ///< time, height, width
  std::int64_t text_len = 0;           ///< rows that cross attention sees, zero-padded ones included
  std::int64_t text_dim = 0, in_dim = 0, out_dim = 0, dim = 0, ffn_dim = 0, freq_dim = 0;
  std::int64_t heads = 0, layers = 0;
  double eps = 0;
  std::int64_t head_dim() const { return dim / heads; }
  bool operator==(const dit_config&) const = default;
};

/// The umT5 encoder.
struct text_config {
  std::int64_t vocabulary = 0, dim = 0, attention_dim = 0, ffn_dim = 0;
  std::int64_t heads = 0, layers = 0, buckets = 0, distance_max = 0;
  double eps = 0;
  bool operator==(const text_config&) const = default;
};

/// The video autoencoder.
struct vae_config {
  std::int64_t dim = 0, latent_channels = 0, blocks_per_level = 0;
  std::vector<std::int64_t> widths;    ///< times dim, finest level first
  std::vector<bool> halves_time;       ///< between the levels, finest first
  std::vector<double> mean, deviation; ///< of the latent, per channel
  std::int64_t space_stride() const { return std::int64_t{1} << (widths.size() - 1); } ///< pixels per latent cell
  std::int64_t time_stride() const;                                                    ///< frames per latent frame
  bool operator==(const vae_config&) const = default;
};

struct model_config {
  dit_config dit;
  text_config text;
  vae_config vae;
  std::int64_t train_timesteps = 0;
  double boundary = 0; ///< the high-noise expert serves timesteps from boundary x train_timesteps up
  bool operator==(const model_config&) const = default;
};

/// How a video is made when nothing is asked. As it stands: what the reference does for Wan2.2-T2V-A14B.
struct generation_defaults {
  std::int32_t width = 832, height = 480; ///< pixels
  std::int32_t frames = 81, fps = 16;
  std::int32_t steps = 40;
  float guidance_high = 4, guidance_low = 3;
  float flow_shift = 12;
  std::string negative_prompt;
  bool operator==(const generation_defaults&) const = default;
};

/// Sections "dit", "text_encoder", "vae", "pipeline" of one file, keys as the reference names them (specification
/// section 1). Throws render_error(not_found | corrupt | unsupported) with the file, the key, what is allowed and what
/// was found.
model_config read_model_config(const std::filesystem::path& file);

/// The same file's "pipeline" section; what it does not say stays as it is above.
generation_defaults read_generation_defaults(const std::filesystem::path& file);

} // namespace reel::wan
