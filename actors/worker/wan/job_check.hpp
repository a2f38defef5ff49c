// job_check.hpp: Which jobs a model can render, decided before anything is computed. Pure; any thread.
#pragma once

#include <span>

#include "actors/worker/wan/model_config.hpp"
#include "messages/worker.hpp"

namespace reel::wan {

/// Latent of one sample: [channels, frames, height, width].
struct latent_shape {
  std::int64_t channels = 0, frames = 0, height = 0, width = 0;
  std::int64_t count() const { return channels * frames * height * width; }
  bool operator==(const latent_shape&) const = default;
};

/// Throws render_error: unsupported for what this model cannot make, invalid_argument for what no model
/// could; the text names the value and what is allowed.
void check_jobs(const model_config& config, std::span<const run_job> jobs);

/// Of checked parameters.
latent_shape latent_shape_of(const model_config& config, const render_params& p);

} // namespace reel::wan
