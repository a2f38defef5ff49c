// recovery_policy.hpp: What becomes of a job after one execution. Pure: the supervisor of its batch asks, the ledger
// records.
//
// Every failure is of one class, and the class decides (recovery_policy.cpp has the table):
//
//   transient       counted, tried again after a pause that grows; at most `retries_max` times
//   infrastructure  not the job's fault: not counted, tried again soon, at most `acquired_max` grants in all
//   resource        too little memory: a batch is halved, uncounted; alone it counts, and a larger device may still do
//   crash           the process died under it: among others it is a suspect and runs in smaller batches, alone at last;
//                   alone it is to blame, and after `poison_after` processes a dead letter
//   unknown         as transient, but alone from then on; when it then fails although others have done well
//                   since, it is to blame as for a crash. While nothing does well nobody is: an outage makes no dead
//                   letters
//   permanent       repeating cannot help
//   ended           its time is over
//   made_room       stopped between two steps: goes on at once, uncounted
//
// What fails as transient or for memory on every allowed execution goes on on the fallback of its model where there is
// one that it may use, with `light_retries_max` of its own; once there, it stays there. What fails as a probe of an
// open circuit breaker is the model's trouble and not counted; but when that is a crash, the job is suspected, and from
// the third on to blame.
#pragma once

#include "messages/worker.hpp"

namespace reel {

struct recovery_options {
  std::uint32_t retries_max = 3;           ///< beyond the first execution, counted ones only
  std::uint32_t light_retries_max = 1;     ///< likewise, on the fallback
  std::uint32_t acquired_max = 20;         ///< grants in all, counted or not: nothing circles for ever
  std::uint32_t poison_after = 2;          ///< processes that it took down alone; at most 16
  std::uint32_t probe_crashes_excused = 2; ///< of a job as a probe; later ones are judged like any other
  std::uint32_t bisect_above = 8;          ///< a larger batch that crashed is halved, a smaller one runs one by one
  std::chrono::milliseconds backoff_first{1'000};
  std::chrono::milliseconds backoff_most{60'000};
};

/// The longest of the pauses that do not grow.
inline constexpr std::chrono::milliseconds fixed_pause_most{1'000};

enum class error_class { transient, infrastructure, resource, crash, unknown, permanent, ended, made_room };
error_class classify(errc code);
std::string_view to_string(error_class c); ///< as written above

/// One ended execution.
struct execution {
  job_id id;
  std::uint32_t fence = 0;         ///< also how often the job was granted
  std::uint32_t attempts_used = 0; ///< counted ones before this
  errc code = errc::ok;
  std::string message;
  saved_run saved{};         ///< of a preempted one, or of its last checkpoint
  bool forget_saved = false; ///< what it was to go on from is of no use
  recovery_mark mark{};      ///< before it
  worker_id worker{};
  std::uint32_t together = 1;  ///< jobs computed at once, this one among them
  bool probe = false;          ///< of a circuit breaker
  bool others_do_well = false; ///< between its last failure and its grant another job succeeded on its model there
  bool has_fallback = false;   ///< another model may stand in for its own
  bool larger_device = false;  ///< a worker with more memory could run it
};

/// A job of an ended batch that has to run again, as the ledger now has it.
struct job_rerun {
  job_id id;
  std::uint32_t fence = 0;
  std::uint32_t attempts_used = 0;
  std::optional<wall_time> not_before;
  std::int32_t saved_steps = 0; ///< denoise steps that its saved run spares
  bool made_room = false;       ///< it was paused: nothing went wrong; not of one that was handed over as planned
  recovery_mark mark{};
};

/// Succeeded results are not its business: `code` is never ok. `jitter` in [0, 1).
job_outcome decide_recovery(const execution& e, wall_time now, double jitter, const recovery_options& o);

/// What an execution says about its model on that class of GPU (circuit_breaker.hpp).
enum class health_sign { none, good, bad };
/// `out`: what was decided of it. A success is good; what is nobody's fault, or the job's own, says nothing.
health_sign sign_of(const execution& e, const job_outcome& out);
/// Of a batch as a whole: one that gave any video is good.
inline health_sign together(health_sign a, health_sign b) {
  if (a == health_sign::good || b == health_sign::good) return health_sign::good;
  return a == health_sign::bad ? a : b;
}

} // namespace reel
