// overload_watch.hpp: Says whether there is far more work than can be done, for long enough to do something about it,
// and when that is over: from how full the queue is, with a wide gap between begin and end.
//
// Value type; owned by the scheduler core. Never reads a clock.
#pragma once

#include <optional>

#include "messages/ids.hpp"

namespace reel {

class overload_watch {
public:
  struct options {
    double begins_above = 0.8, ends_below = 0.5; ///< part of the jobs that may wait
    std::chrono::milliseconds begins_after{60'000}, ends_after{120'000};
  };

  overload_watch() = default;
  explicit overload_watch(const options& o) : options_{o} {}

  bool is_on() const { return on_; }

  /// To be called when the queue has changed, and from time to time.
  void saw(double full, instant now) {
    const bool pulls = on_ ? full < options_.ends_below : full > options_.begins_above;
    if (!pulls) return since_.reset();
    if (!since_) since_ = now;
    if (now - *since_ < (on_ ? options_.ends_after : options_.begins_after)) return;
    on_ = !on_;
    since_.reset();
  }

private:
  options options_;
  bool on_ = false;
  std::optional<instant> since_; ///< it pulls to the other side
};

} // namespace reel
