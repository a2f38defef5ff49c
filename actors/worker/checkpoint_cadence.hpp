// checkpoint_cadence.hpp: After which denoise steps a running batch is saved, in case its process ends. Two bounds:
// what a crash takes away is to be at most `lost_most` of a job, so a save is wanted after every such part of its
// steps; and saves may take `cost_most` of the computing time so far. Where both cannot be had, the cheaper one wins:
// the next save waits until it has been earned. So a short job has none at all.
//
// A save counts as `save_least` even if computing stood still for less: the store, the ledger and the disk have their
// part. With the defaults nothing is saved in the first five seconds, and in a batch of less than 50 s less often than
// every tenth of it.
//
// Value type; owned by the compute thread, one for each computation. Never reads a clock.
#pragma once

#include <algorithm>
#include <chrono>

namespace reel {

class checkpoint_cadence {
public:
  using seconds = std::chrono::duration<double>;
  struct options {
    double cost_most = 0.02; ///< 0: nothing is ever saved
    double lost_most = 0.1;
    seconds save_least{0.1};
  };

  checkpoint_cadence() = default;
  explicit checkpoint_cadence(const options& o) : options_{o}, save_{o.save_least} {}

  void stepped(seconds took) {
    computed_ += took;
    ++since_;
  }
  void saved(seconds took) {
    save_ = std::max(took, options_.save_least);
    spent_ += save_;
    since_ = 0;
  }

  /// `steps`: of a whole job. `left`: those still to be done here; none: nothing is left to be spared but decoding.
  bool is_due(int steps, int left) const {
    return left > 0 && since_ >= steps_wanted(steps) && spent_ + save_ <= options_.cost_most * computed_;
  }

private:
  int steps_wanted(int steps) const { return std::max(1, static_cast<int>(options_.lost_most * steps)); }

  options options_;
  seconds computed_{0}, spent_{0};
  seconds save_ = options{}.save_least; ///< the latest, or what the first one counts as
  int since_ = 0;                       ///< steps, the last save or the beginning
};

} // namespace reel
