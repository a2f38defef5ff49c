// schedule.hpp: The samplers' mathematics without a tensor: at which noise levels a run of N steps stands,
// and which weighted sum of what it has seen each step is (specification section 7).
//
// A latent at level sigma is x = (1 - sigma) x0 + sigma noise; the model gives the velocity v, and the
// prediction of x0 is m = x - sigma v. All three samplers turn out as sums of the same few tensors, so a step
// is a row of weights:
//
//   corrected:  x_i     <- c.x x_{i-1} + c.m0 m_{i-1} + c.m1 m_{i-2} + c.now m_i     (UniPC only, i > 0)
//   predicted:  x_{i+1} <- p.x x_i     + p.m0 m_i     + p.m1 m_{i-1}
//
// UniPC: W. Zhao et al. 2023 (order 2, bh2). DPM++ 2M: C. Lu et al. 2022. Euler: flow matching, X. Liu et al.
// 2022. Values are indexed by step, never searched by timestep: two steps may round to the same integer
// timestep. Pure; any thread. Computed in double from sigmas rounded to float as the reference stores them.
#pragma once

#include <optional>
#include <vector>

#include "messages/job.hpp"

namespace reel::wan {

struct schedule_options {
  sampler_kind sampler = sampler_kind::unipc;
  int steps = 0;    ///< 1 to train_timesteps
  double shift = 0; ///< the reference's sample_shift; above 0
  int train_timesteps = 0;
  bool operator==(const schedule_options&) const = default;
};

struct corrector_weights {
  double x = 0, m0 = 0, m1 = 0, now = 0;
  bool operator==(const corrector_weights&) const = default;
};
struct predictor_weights {
  double x = 0, m0 = 0, m1 = 0;
  bool operator==(const predictor_weights&) const = default;
};

struct schedule_step {
  double sigma = 0;    ///< noise level before the step
  double timestep = 0; ///< what the model is told; whole for UniPC and DPM++
  std::optional<corrector_weights> correct;
  predictor_weights predict;
  bool operator==(const schedule_step&) const = default;
};

/// One element per step. Throws std::invalid_argument for options out of range.
std::vector<schedule_step> make_schedule(const schedule_options& options);

/// The levels alone: steps + 1 values from near 1 down to 0.
std::vector<float> make_sigmas(const schedule_options& options);

} // namespace reel::wan
