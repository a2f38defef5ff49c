// restart_group.hpp: What a supervisor does when one of its children ends: which children are stopped, which are
// started again, and after what pause; or that its budget is exceeded and the group is given up upward
// (reliability.md 2.6).
//
// The budget is the group's: two children that take turns at crashing use it up as fast as one. Value type; owned by
// the supervisor of a tree, one per group. Never reads a clock. Children are numbered in order of starting.
#pragma once

#include <vector>

#include "runtime/logic/restart_budget.hpp"

namespace reel {

enum class restart_strategy : std::uint8_t {
  one_for_one,  ///< the one that ended
  rest_for_one, ///< also those that were started after it, because they build on it
};

class restart_group {
public:
  struct options {
    restart_strategy strategy = restart_strategy::one_for_one;
    restart_budget::options budget{};
  };
  struct restart {
    std::vector<std::size_t> stop;  ///< now, in this order: those that run
    std::vector<std::size_t> start; ///< after the pause, in this order
    std::chrono::milliseconds pause{};
    bool operator==(const restart&) const = default;
  };

  explicit restart_group(const options& o) : options_{o}, budget_{o.budget} {}

  std::size_t add_child() {
    running_.push_back(false);
    return running_.size() - 1;
  }

  void started(std::size_t child, instant now) {
    running_[child] = true;
    budget_.started(now);
  }

  /// Nothing: the budget is exceeded. `jitter` in [0, 1).
  std::optional<restart> ended(std::size_t child, instant now, double jitter) {
    running_[child] = false;
    auto pause = budget_.ended(now, jitter);
    if (!pause) return {};
    auto last = options_.strategy == restart_strategy::rest_for_one ? running_.size() : child + 1;
    return plan(child, last, *pause);
  }

  /// Its own supervisor gives it another life: all children, and as many restarts as at first.
  restart restart_all(std::chrono::milliseconds pause) {
    budget_ = restart_budget{options_.budget};
    return plan(0, running_.size(), pause);
  }

private:
  restart plan(std::size_t first, std::size_t last, std::chrono::milliseconds pause) {
    restart r{{}, {}, pause};
    for (auto i = last; i-- > first;)
      if (running_[i]) r.stop.push_back(i);
    for (auto i = first; i < last; ++i) {
      r.start.push_back(i);
      running_[i] = false;
    }
    return r;
  }

  options options_;
  restart_budget budget_;
  std::vector<bool> running_;
};

} // namespace reel
