// sampler.hpp: One sample's latent on its way from noise to video: applies the weighted sums of schedule.hpp.
//
// Tensors [channels, T, h, w], float32. One per sample, so that samples may be at different steps. Holds at
// most four latents: the current, the one before it, and the two latest predictions.
#pragma once

#include <ATen/core/Tensor.h>

#include "actors/worker/wan/schedule.hpp"

namespace reel::wan {

class sampler {
public:
  explicit sampler(at::Tensor noise) : latent_{std::move(noise)} {}

  const at::Tensor& latent() const { return latent_; }

  /// velocity: the model's answer to latent() at the step's timestep. Steps are taken in order, from the
  /// first.
  void advance(const schedule_step& step, const at::Tensor& velocity);

private:
  at::Tensor latent_;
  at::Tensor before_;  ///< x_{i-1}, corrected; kept only where a corrector will want it
  at::Tensor m0_, m1_; ///< m_{i-1}, m_{i-2}
};

} // namespace reel::wan
