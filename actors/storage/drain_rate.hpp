// drain_rate.hpp: How fast jobs end, and so how long a full queue will take to drain: what a refused client is told as
// Retry-After (reliability.md 2.13). Older ends count less, by half in 40 seconds. Value type; owned by a ledger.
#pragma once

#include <algorithm>
#include <cmath>

#include "messages/ids.hpp"

namespace reel {

class drain_rate {
public:
  static constexpr std::uint32_t seconds_least = 1, seconds_most = 300;

  void ended(instant now) {
    recent_ = recent(now) + 1;
    at_ = now;
  }

  /// Until so many jobs have ended at the present rate; 0: none has ever ended.
  std::uint32_t seconds_for(std::uint64_t jobs, instant now) const {
    if (recent_ == 0) return 0;
    auto seconds = static_cast<double>(jobs) * memory_s / recent(now);
    return static_cast<std::uint32_t>(std::clamp(seconds, double{seconds_least}, double{seconds_most}));
  }

private:
  static constexpr double memory_s = 60;

  double recent(instant now) const {
    auto passed_s = std::chrono::duration<double>(now - at_).count();
    return recent_ * std::exp(-std::max(passed_s, 0.0) / memory_s);
  }

  double recent_ = 0; ///< ends, faded
  instant at_{};
};

} // namespace reel
