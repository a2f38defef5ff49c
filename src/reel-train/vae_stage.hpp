// vae_stage.hpp: The first two stages: an autoencoder that squeezes the small world's clips into latents, and the
// latents of all examples, with what their numbers are divided by.
#pragma once

#include "actors/worker/wan/model_config.hpp"
#include "src/reel-train/learner.hpp"
#include "src/world/dataset.hpp"

namespace reel::train {

/// Clips in memory: uint8 [clips, frames, height, width, 3].
at::Tensor draw_clips(const std::vector<world::example>& examples, std::size_t first, std::size_t count);

/// Single images first, then 5, 9 and 17 frames: what time does is learnt on top of what a picture is.
parameter_map train_vae(const wan::vae_config& config, const at::Tensor& clips, const at::Tensor& held_out,
                        const stage_options& options);

/// Of whole clips through encoder and decoder as the product runs them; decibels, mean over clips.
double psnr_of(const wan::vae_config& config, const parameter_map& vae, const at::Tensor& clips);

/// How many of 100 clips that went through it are still read as what was drawn, per attribute ("shape 99, ...").
std::string read_back(const wan::vae_config& config, const parameter_map& vae,
                      const std::vector<world::example>& examples, std::size_t first);

struct latents {
  at::Tensor means;                    ///< float32 [clips, channels, T, h, w], normalised
  std::vector<double> mean, deviation; ///< per channel, before
};
latents encode_clips(const wan::vae_config& config, const parameter_map& vae,
                     const std::vector<world::example>& examples, unsigned threads);

} // namespace reel::train
