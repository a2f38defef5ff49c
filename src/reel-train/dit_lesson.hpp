// dit_lesson.hpp: One batch for a transformer and what it makes of it: what the stages share. Private to this folder.
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

/// Mean squared error of the velocity.
at::Tensor loss_of(const dit_lessons& from, const std::shared_ptr<const parameter_map>& transformer,
                   const std::vector<at::Tensor>& contexts, const lesson& l);

std::vector<at::Tensor> read_texts(const dit_lessons& from, const std::shared_ptr<const parameter_map>& text,
                                   const lesson& l);

optimizer_options how_to_learn();

double uniform(std::mt19937_64& rng); ///< 0 to below 1

} // namespace reel::train
