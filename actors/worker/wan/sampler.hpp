// sampler.hpp: One sample's latent on its way from noise to video: applies the weighted sums of schedule.hpp.
//
// Tensors [channels, T, h, w], float32. One per sample, so that samples may be at different steps. Holds at
// most four latents: the current, the one before it, and the two latest predictions.
#pragma once

#include <ATen/core/Tensor.h>

#include "actors/worker/wan/schedule.hpp"

namespace reel::wan {

/// What a sampler knows between two steps.
struct sampler_state {
  at::Tensor latent;
  at::Tensor before; ///< x_{i-1}, corrected; undefined before the first step, like the next two
  at::Tensor m0, m1; ///< m_{i-1}, m_{i-2}
};

class sampler {
public:
  explicit sampler(at::Tensor noise) : latent_{std::move(noise)} {}
  explicit sampler(sampler_state s)
      : latent_{std::move(s.latent)}, before_{std::move(s.before)}, m0_{std::move(s.m0)}, m1_{std::move(s.m1)} {}

  sampler_state state() const { return {latent_, before_, m0_, m1_}; }

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
