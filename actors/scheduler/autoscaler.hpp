// autoscaler.hpp: How many workers are wanted for the work that is there: its predicted GPU-seconds, waiting and
// running, over the time in which it should be done. As long as anything waits or runs at least one is wanted, also
// while nobody knows how long it takes.
//
// More are wanted at once, when the need exceeds the present number by `margin` of a worker; fewer when for `cooldown`
// there was no higher need, and then as many as the highest need since. So a need that swings inside the margin, or up
// and down within the cooldown, moves nothing; and where one backlog was never below another, neither is what it wants.
//
// Pure value: never reads a clock. Owned by fleet_scaler, one per model and one for all workers.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "messages/ids.hpp"

namespace reel {

struct scaling_options {
  std::chrono::milliseconds drain_target{600'000}; ///< the work that is there should be done in this time; above 0
  std::chrono::milliseconds cooldown{300'000};     ///< before fewer are wanted
  double margin = 0.25;                            ///< of a worker; 0 to 1
};

/// What there is to do.
struct work_load {
  double gpu_s = 0;     ///< predicted, of what waits and of what is left of what runs
  std::size_t jobs = 0; ///< waiting and running, those included whose time nobody can predict
  bool operator==(const work_load&) const = default;
};

/// Numbers of workers.
struct scaling_bounds {
  std::uint32_t least = 0, most = 0; ///< least <= most
  bool operator==(const scaling_bounds&) const = default;
};

class autoscaler {
public:
  /// `present`: workers at the beginning; they are kept for a cooldown.
  autoscaler(scaling_options o, std::uint32_t present) : options_{o}, wanted_{present} {}

  /// Called about once a second; `now` never goes back. Within `bounds`, which may change.
  std::uint32_t update(const work_load& load, scaling_bounds bounds, instant now);

  std::uint32_t wanted() const { return wanted_; }

private:
  struct need {
    instant at{};
    std::uint32_t workers = 0;
  };
  void note(need n);

  scaling_options options_;
  std::uint32_t wanted_;
  std::deque<need> needs_; ///< of the last cooldown: falling, so at most one per number of workers
};

} // namespace reel
