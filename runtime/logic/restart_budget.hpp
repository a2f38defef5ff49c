// restart_budget.hpp: How often a supervisor may restart a child before it gives up, and how long it waits
// between.
//
// A sliding window, as in OTP's supervisor: more than `restarts_max` ends within `within`, without any success between
// them, exceed the budget.
// The pause doubles with each restart and starts again from the first after a healthy while, so that a child
// that crashes at once does not burn a core and one that crashes once a day comes back at once. Value type;
// owned by a supervisor, one per child or group. Never reads a clock.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "messages/ids.hpp"

namespace reel {

class restart_budget {
public:
  struct options {
    int restarts_max = 3;
    std::chrono::milliseconds within{300'000};
    std::chrono::milliseconds pause_first{1'000};
    std::chrono::milliseconds pause_most{60'000};
    std::chrono::milliseconds healthy_after{60'000}; ///< running this long forgets earlier pauses
    bool operator==(const options&) const = default;
  };

  explicit restart_budget(const options& o) : options_{o} {}

  void started(instant now) { started_at_ = now; }

  /// A child has ended. Gives the pause before its restart, or nothing when the budget is exceeded.
  /// `jitter` in [0, 1) spreads restarts by up to a fifth.
  std::optional<std::chrono::milliseconds> ended(instant now, double jitter) {
    while (!ends_.empty() && now - ends_.front() >= options_.within) ends_.pop_front();
    if (static_cast<int>(ends_.size()) >= options_.restarts_max) return {};
    ends_.push_back(now);
    if (now - started_at_ >= options_.healthy_after) quick_ends_ = 0;
    double pause = static_cast<double>(options_.pause_first.count()) * std::pow(2.0, quick_ends_);
    quick_ends_ = std::min(quick_ends_ + 1, 30);
    pause = std::min(pause, static_cast<double>(options_.pause_most.count())) * (1.0 + 0.2 * jitter);
    return std::chrono::milliseconds{static_cast<std::int64_t>(pause)};
  }

  /// It has done what it is there for: earlier ends do not count any more.
  void did_well() {
    ends_.clear();
    quick_ends_ = 0;
  }

private:
  options options_;
  std::deque<instant> ends_; ///< at most restarts_max
  instant started_at_{};
  int quick_ends_ = 0;
};

} // namespace reel
