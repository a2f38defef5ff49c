#include "actors/supervisor/recovery_policy.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

namespace {

enum class treatment {
  retry,     ///< counted, with growing pauses
  elsewhere, ///< not the job's fault: not counted, soon
  go_on,     ///< stopped to make room: not counted, at once, from where it stood
  give_up,   ///< repeating cannot help
};

treatment treatment_of(errc code) {
  switch (code) {
  case errc::invalid_argument:
  case errc::unsupported:
  case errc::deadline_exceeded: return treatment::give_up;
  case errc::preempted: return treatment::go_on;
  case errc::cancelled: // stopped: if on request, the ledger knows and ends the job; else the batch was taken for lost
  case errc::busy:
  case errc::draining:
  case errc::unreachable:
  case errc::timeout: return treatment::elsewhere;
  default: return treatment::retry; // crashed, lease_expired, out_of_memory, unavailable, internal, ...
  }
}

/// Full jitter: anything from nothing to the doubled pause, so that retries of one outage do not come back
/// together.
std::chrono::milliseconds backoff(std::uint32_t tries, double jitter, const recovery_options& o) {
  double most = static_cast<double>(o.backoff_first.count()) * std::pow(2.0, std::min(tries, 20u));
  most = std::min(most, static_cast<double>(o.backoff_most.count()));
  return std::chrono::milliseconds{static_cast<std::int64_t>(most * jitter)};
}

} // namespace

job_outcome decide_recovery(const execution& e, wall_time now, double jitter, const recovery_options& o) {
  job_outcome out;
  out.id = e.id;
  out.fence = e.fence;
  out.cause = e.code;
  out.message = e.message;
  out.counted = false;
  out.forget_saved = e.forget_saved;
  switch (treatment_of(e.code)) {
  case treatment::give_up: out.how = verdict::failed; return out;
  case treatment::go_on: // however often: it is the scheduler that stops it, and each time it gets further
    out.how = verdict::retry;
    out.saved = e.saved;
    return out;
  case treatment::elsewhere:
    out.how = verdict::retry;
    out.not_before = now + std::chrono::milliseconds{static_cast<std::int64_t>(200 + 800 * jitter)};
    break;
  case treatment::retry:
    out.counted = true;
    out.how = e.attempts_used >= o.retries_max ? verdict::failed : verdict::retry;
    out.not_before = now + backoff(e.attempts_used, jitter, o);
    break;
  }
  if (out.how == verdict::failed) {
    out.message = "failed on every one of " + std::to_string(e.attempts_used + 1) + " executions, the last with " +
                  std::string{to_string(e.code)} + (e.message.empty() ? "" : ": " + e.message);
    out.cause = errc::retries_exhausted;
    out.not_before.reset();
  } else if (e.fence >= o.acquired_max) {
    out.how = verdict::dead_letter;
    out.message = "granted " + std::to_string(e.fence) + " times without running to an end, the last with " +
                  std::string{to_string(e.code)};
    out.not_before.reset();
  }
  return out;
}

} // namespace reel
