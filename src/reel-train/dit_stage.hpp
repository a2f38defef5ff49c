// dit_stage.hpp: The transformer and the text encoder, by flow matching (X. Liu et al. 2022; specification section 7):
// the model sees x = (1 - s) latent + s noise and learns the velocity noise - latent, with the levels s drawn more
// often where it matters (P. Esser et al. 2024: logit-normal).
//
// First one transformer for all levels, together with the text encoder; then a copy of it for each expert's own range,
// the text encoder staying as it is: both experts read the same text.
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

/// parameters: "text.*" and "dit.*". Changed in place; returns their average.
parameter_map train_base(const dit_lessons& lessons, parameter_map parameters, const stage_options& options);

/// parameters: the transformer's. `text` does not learn.
parameter_map train_expert(const dit_lessons& lessons, parameter_map parameters, const parameter_map& text,
                           level_range levels, const stage_options& options);

} // namespace reel::train
