// optimizer.hpp: One step of learning for a set of parameters, from their gradients. Matrices inside the network go by
// Muon (K. Jordan et al. 2024: momentum, then the nearest orthogonal matrix by five Newton-Schulz steps), everything
// else (embeddings, norms, biases, the first and the last layer) by AdamW (I. Loshchilov, F. Hutter 2019). Beside the
// parameters goes their moving average, which is what is used in the end.
//
// Owns its moments; changes parameters in place. One thread calls; the work is spread over whatever `everywhere` runs
// it on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/reel-train/parameters.hpp"

namespace reel::train {

struct optimizer_options {
  double momentum = 0.95;           ///< Muon
  double beta1 = 0.9, beta2 = 0.98; ///< AdamW
  double weight_decay = 0.05;       ///< per step times the learning rate; not of vectors
  double average = 0.995;           ///< share of the old average in the new one, once it has settled
  double gradient_norm_max = 1;     ///< a longer gradient is shortened
  std::function<bool(const std::string& name, const at::Tensor& t)> by_muon;
  std::function<double(const std::string& name)> rate_factor; ///< of the learning rate, AdamW; none: 1
};

class optimizer {
public:
  optimizer(parameter_map& parameters, optimizer_options options);

  /// Runs a piece of work on some threads at once and waits for all of them.
  using spread = std::function<void(const std::function<void()>&)>;

  /// parts: each in the order of the parameters, undefined: zero; their mean is the gradient. Returns its norm.
  double step(const std::vector<std::vector<at::Tensor>>& parts, double learning_rate, const spread& everywhere);

  const parameter_map& average() const { return average_; }
  std::int64_t steps() const { return steps_; }

  /// For going on after a stop.
  parameter_map state() const;
  void restore(const parameter_map& state, std::int64_t steps);

private:
  struct slot {
    std::string name;
    at::Tensor parameter, first, second, average; ///< second: AdamW only
    double rate_factor = 1;
  };
  void step_muon(slot& s, const at::Tensor& gradient, double learning_rate) const;
  void step_adam(slot& s, const at::Tensor& gradient, double learning_rate) const;

  optimizer_options options_;
  std::vector<slot> slots_;
  parameter_map average_;
  std::int64_t steps_ = 0;
};

/// Warm-up over `warm_up` steps, then the peak until `flat` of all steps, then in a straight line to 2 % of it.
double rate_at(std::int64_t step, std::int64_t steps, double peak, std::int64_t warm_up = 100, double flat = 0.6);

} // namespace reel::train
