// dit_stage.hpp: The transformer, by flow matching (X. Liu et al. 2022; specification section 7): the model sees
// x = (1 - s) latent + s noise and learns the velocity noise - latent, with the levels s drawn more often where it
// matters (P. Esser et al. 2024: logit-normal).
//
// First one transformer for all levels, then a copy of it for each expert's own range. The text encoder was trained
// before them and stays as it is.
#pragma once

#include "src/reel-train/learner.hpp"
#include "src/world/dataset.hpp"

namespace reel::train {

/// Share of a pass without its text, from which guidance takes its other direction.
inline constexpr double text_left_out = 0.1;

struct level_range {
  double low = 0, high = 1; ///< share of noise
};

struct dit_lessons {
  wan::model_config config;
  const std::vector<world::example>* examples = nullptr;
  at::Tensor latents;      ///< float32 [examples, channels, T, h, w], normalised
  std::int64_t batch = 24; ///< of a part
};

/// parameters: the transformer's, to begin with; `text` does not learn. Returns their average.
parameter_map train_velocity(const dit_lessons& lessons, parameter_map parameters, const parameter_map& text,
                             level_range levels, const stage_options& options);

} // namespace reel::train
