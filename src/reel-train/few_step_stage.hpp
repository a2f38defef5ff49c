// few_step_stage.hpp: The light model: a transformer that goes in four steps, without guidance, where the heavy one
// goes in sixteen with it (E. Luhman, T. Luhman 2021: a sampler's own trajectories are the lessons; C. Meng et al.
// 2023: guidance is learnt along with them). At every level of a trajectory it learns the velocity that points straight
// to where the heavy model ended.
#pragma once

#include "src/reel-train/dit_stage.hpp"

namespace reel::train {

/// What the heavy model did: where it stood at some levels, and where it ended.
struct trajectories {
  std::vector<double> levels; ///< share of noise, falling
  at::Tensor states;          ///< bf16 [videos, levels, channels, T, h, w]
  at::Tensor ends;            ///< bf16 [videos, channels, T, h, w]
  std::vector<std::vector<std::int32_t>> texts;
};

struct trajectory_options {
  std::filesystem::path teacher; ///< its folder
  std::size_t videos = 0;
  int steps = 12; ///< of the teacher
  float guidance = 4;
  double shift = 3;
  unsigned threads = 2;
  std::uint64_t seed = 1;
};

/// The product's own generation makes them, several at once on each thread.
trajectories draw_trajectories(const std::vector<world::example>& examples, const trajectory_options& options);

/// The states and ends; levels and texts are the same whenever examples and options are.
void save(const std::filesystem::path& file, const trajectories& t);
trajectories load_trajectories(const std::filesystem::path& file, const std::vector<world::example>& examples,
                               const trajectory_options& options);

/// parameters: the transformer's, to begin with; `text` does not learn.
parameter_map train_few_step(const dit_lessons& lessons, const trajectories& from, parameter_map parameters,
                             const parameter_map& text, const stage_options& options);

} // namespace reel::train
