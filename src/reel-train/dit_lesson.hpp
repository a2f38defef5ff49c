// dit_lesson.hpp: One batch for a transformer and what it makes of it: what its stages share. Private to this folder.
#pragma once

#include <span>

#include "src/reel-train/dit_stage.hpp"

namespace reel::train {

struct lesson {
  at::Tensor noisy, velocity; ///< [batch, channels, T, h, w]: what is seen, what is right
  at::Tensor weight;          ///< [batch, 1, 1, 1, 1]; undefined: all count alike
  std::vector<std::span<const std::int32_t>> texts;
  std::vector<double> timesteps;
};

/// A transformer's training on what `draw` gives, while `text` does not learn. Returns its average.
parameter_map train_transformer(const dit_lessons& lessons, parameter_map parameters, const parameter_map& text,
                                const std::function<lesson(std::mt19937_64&)>& draw, const stage_options& options);

inline const std::vector<std::int32_t> no_text{1}; ///< the empty prompt: the tokenizer's end of text alone

} // namespace reel::train
