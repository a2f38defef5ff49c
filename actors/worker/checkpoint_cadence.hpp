// checkpoint_cadence.hpp: After how many denoise steps a running batch is worth saving, in case its process ends. Two
// bounds: saving may cost `cost_most` of the time, and what a crash takes away is to be at most `lost_most` of a job.
// Where both cannot be had the first one holds; where no save would come before the last step, there is none.
//
// Value type; owned by the compute thread, one for each batch that it computes. Never reads a clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

namespace reel {

class checkpoint_cadence {
public:
  using seconds = std::chrono::duration<double>;
  struct options {
    double cost_most = 0.02, lost_most = 0.1;
    seconds save_guess{0.1}; ///< until one was measured: what a latent of some megabytes takes
  };

  checkpoint_cadence() = default;
  explicit checkpoint_cadence(const options& o) : options_{o}, save_{o.save_guess} {}

  void stepped(seconds took) {
    step_ = steps_ == 0 ? took : step_ + weight_of_new * (took - step_);
    ++steps_;
    ++since_;
  }
  void saved(seconds took) {
    save_ = took;
    since_ = 0;
  }

  /// `left`: steps that are still to be done.
  bool is_due(int left) const {
    auto every = steps_between(step_, save_, steps_ + left, options_);
    return every > 0 && left > 0 && since_ >= every;
  }

  /// 0: never.
  static int steps_between(seconds step, seconds save, int steps_total, const options& o) {
    if (step <= seconds{0}) return 0;
    auto by_cost = std::ceil(save / step / o.cost_most);
    auto by_loss = std::max(1.0, std::floor(o.lost_most * steps_total));
    auto steps = std::max(by_cost, by_loss);
    return steps < steps_total ? static_cast<int>(steps) : 0;
  }

private:
  static constexpr double weight_of_new = 0.3;

  options options_;
  seconds step_{0}, save_ = options{}.save_guess;
  int steps_ = 0; ///< done here
  int since_ = 0; ///< the last save, or the beginning
};

} // namespace reel
