// gpu_run.hpp: What one simulated worker computes: a batch, and those that joined it. They share the forward passes, a
// pass takes as long as all their jobs together take, and each ends by itself after its own steps. Batches come and go
// between two passes only.
//
// Plain value, owned by the simulation. Times are milliseconds of virtual time.
#pragma once

#include <utility>

#include "src/reel-sim/policy.hpp"

namespace reel::sim {

struct rider {
  start_batch batch;
  std::int64_t began = 0;
  std::int64_t loading = 0; ///< before its first step
  int steps_left = 0, steps_ran = 0;
  double computed = 0;      ///< its part of the time of the passes it was in, by jobs
  std::size_t together = 0; ///< most jobs in one of them, when there was another batch
  int first_step = 0;       ///< that is done here
  std::int64_t saving = 0;  ///< after its last step, of a batch that is handed over
  expert_measures experts{};
};

class gpu_run {
public:
  bool is_idle() const { return riders_.empty(); }
  const std::vector<rider>& riders() const { return riders_; }
  std::size_t jobs() const;
  int most_steps_left() const;

  /// At a boundary; its own time begins after `r.loading`.
  void take_in(rider r, std::int64_t now);
  /// What a pass takes from here on.
  void set_pace(double step_ms) { step_ms_ = step_ms; }

  /// The passes done since the last call are done; gives their number. `now` is a boundary, or the end of everything.
  int advance(std::int64_t now);
  /// Those that have no steps left, or all of them: they leave.
  std::vector<rider> take_ended();
  std::vector<rider> take_all() { return std::exchange(riders_, {}); }

  int passes_done(std::int64_t now) const;       ///< since the last advance
  std::int64_t boundary(std::int64_t now) const; ///< the end of the pass that runs then
  std::int64_t after_passes(int passes) const;   ///< from the last advance on
  std::int64_t next_saving() const;
  std::int64_t next_end() const { return after_passes(least_steps_left()); }

private:
  int least_steps_left() const;

  std::vector<rider> riders_;
  std::int64_t since_ = 0; ///< passes are counted from then
  double step_ms_ = 1;
};

} // namespace reel::sim
