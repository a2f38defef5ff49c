// recovery_policy.hpp: What becomes of a job after one execution (reliability.md 2.7). Pure: the supervisor
// asks, the ledger records.
#pragma once

#include "messages/worker.hpp"

namespace reel {

struct recovery_options {
  std::uint32_t retries_max = 3;   ///< beyond the first execution, counted ones only
  std::uint32_t acquired_max = 20; ///< grants in all, counted or not: nothing circles for ever
  std::chrono::milliseconds backoff_first{1'000};
  std::chrono::milliseconds backoff_most{60'000};
};

/// One ended execution.
struct execution {
  job_id id;
  std::uint32_t fence = 0;         ///< also how often the job was granted
  std::uint32_t attempts_used = 0; ///< counted ones before this
  errc code = errc::ok;
  std::string message;
  saved_run saved{};         ///< of a preempted one
  bool forget_saved = false; ///< what it was to go on from is of no use
};

/// A job of an ended batch that has to run again, as the ledger now has it.
struct job_rerun {
  job_id id;
  std::uint32_t fence = 0;
  std::uint32_t attempts_used = 0;
  std::optional<wall_time> not_before;
  std::int32_t saved_steps = 0; ///< denoise steps that its saved run spares
  bool made_room = false;       ///< it was paused: nothing went wrong; not of one that was handed over as planned
};

/// Succeeded results are not its business: `code` is never ok. `jitter` in [0, 1).
job_outcome decide_recovery(const execution& e, wall_time now, double jitter, const recovery_options& o);

} // namespace reel
