// learner.hpp: One stage of training: batches through a loss, gradients into an optimizer, again and again; with a log,
// and with its state on disk so that it goes on where it was stopped.
//
// A batch is computed in parts, one per thread, each with a graph of its own: on a CPU that is faster than one graph
// whose operations share the threads. What a step draws depends on seed, step and part alone, so that a run that was
// stopped and one that was not see the same.
#pragma once

#include <functional>
#include <string>

#include "src/reel-train/optimizer.hpp"
#include "src/reel-train/thread_team.hpp"

namespace reel::train {

struct stage_options {
  std::string name;             ///< of its files: NAME.state.safetensors, NAME.csv
  std::filesystem::path folder; ///< where they are
  std::int64_t steps = 0;
  double learning_rate = 2e-3; ///< peak
  std::int64_t warm_up_steps = 100;
  unsigned threads = 2;
  std::uint64_t seed = 1;
  std::int64_t log_steps = 50;   ///< between two lines
  std::int64_t save_steps = 500; ///< between two states on disk
};

/// What one part of one step is computed from.
struct part_of_step {
  std::int64_t step = 0;
  std::mt19937_64& rng;
};
using loss_function = std::function<at::Tensor(const std::shared_ptr<const parameter_map>& live, part_of_step part)>;

/// Looks at the averaged parameters now and then; returns what is to be logged ("psnr 27.1").
using examine_function = std::function<std::string(const parameter_map& average, std::int64_t step)>;

/// Of transformers: Muon for the matrices of their blocks.
optimizer_options how_transformers_learn();

class learner {
public:
  learner(stage_options options, optimizer_options how);

  /// Changes `parameters` in place. Returns their average after the last step.
  parameter_map run(parameter_map& parameters, const loss_function& loss, const examine_function& examine = {});

private:
  struct outcome {
    double loss = 0;
    std::vector<at::Tensor> gradients;
  };
  std::vector<outcome> compute(const parameter_map& parameters, const loss_function& loss, std::int64_t step);
  outcome compute_part(const parameter_map& parameters, const loss_function& loss, std::int64_t step,
                       unsigned part) const;

  stage_options options_;
  optimizer_options how_;
  thread_team threads_;
};

} // namespace reel::train
