// failure_detector.hpp: Says of one peer whether it is up, suspect or down, from how long it has been silent.
// Value type, owned by the peer's session; never reads a clock. Any frame of the peer counts as a sign of
// life.
//
// Self-doubt (reliability: a process that was itself stopped must not accuse others): judge() is called once
// a round; when a call comes late by more than `doubt_after`, the time in which this process did not run is
// not held against the peer.
#pragma once

#include <algorithm>

#include "messages/cluster.hpp"

namespace reel {

class failure_detector {
public:
  struct options {
    std::chrono::milliseconds round{1000};         ///< between heartbeats, and between calls of judge()
    std::chrono::milliseconds suspect_after{3000}; ///< of silence: give it no new work
    std::chrono::milliseconds down_after{10'000};  ///< of silence: its work is handed to others
    std::chrono::milliseconds doubt_after{3000};   ///< own round late by this: accuse nobody
  };

  failure_detector() = default;
  explicit failure_detector(const options& o) : options_{o} {}

  /// A frame arrived.
  void heard(instant now) { heard_at_ = std::max(heard_at_, now); }

  /// The peer (or its next life) is there again: forget the silence before.
  void start(instant now) { heard_at_ = judged_at_ = now; }

  /// Once a round: up, suspect or down.
  peer_state judge(instant now) {
    const auto since_last = now - judged_at_;
    if (since_last > options_.round + options_.doubt_after)
      heard_at_ = std::min(now, heard_at_ + since_last - options_.round);
    judged_at_ = now;
    const auto silence = now - heard_at_;
    if (silence >= options_.down_after) return peer_state::down;
    return silence >= options_.suspect_after ? peer_state::suspect : peer_state::up;
  }

private:
  options options_;
  instant heard_at_{}, judged_at_{};
};

} // namespace reel
