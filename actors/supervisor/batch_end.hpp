// batch_end.hpp: What becomes of a batch: one outcome per job for the ledger's transaction, by the worker's results and
// the recovery policy; and, once that is written, what the scheduler is told. Pure; the supervisor of the batch asks,
// and so does its stand-in in the simulation under faults.
//
// Value. It ends once: the first of finished() and failed() decides. At most limits::batch_jobs_max jobs. Never reads a
// clock, never logs.
#pragma once

#include <functional>

#include "actors/supervisor/batch_measures.hpp"

namespace reel {

/// A job as its supervisor needs it.
struct supervised_job {
  run_job run; ///< once the worker has it, and when the batch was adopted, only id, fence and, if known, saved run
  std::uint32_t attempts_used = 0;
  std::optional<wall_time> deadline;
  recovery_mark mark{};
  bool has_fallback = false; ///< another model may stand in for its own
  saved_run checkpoint{};    ///< of this execution; none: it is not known of one
};

struct supervised_batch {
  std::uint64_t term = 0;
  batch_id id;
  worker_id worker;
  std::vector<supervised_job> jobs;
  bool adopted = false;                 ///< it runs already
  bool join = false;                    ///< the batch that runs on the worker
  std::int32_t until_step = 0;          ///< see run_batch
  bool probe = false;                   ///< of a circuit breaker
  bool others_do_well = false;          ///< see execution
  bool larger_device = false;           ///< a worker with more memory could run it
  std::chrono::milliseconds expected{}; ///< its run time, as foretold; 0: not known
};

/// As it runs already, for another supervisor.
supervised_batch taken_over(const supervised_batch& b);

/// What becomes of a batch that its worker did not take: whatever kept it from that is not the jobs' fault, unless it
/// cannot run them at all.
inline errc end_of_not_taken(errc code) {
  return code == errc::unsupported || code == errc::invalid_argument ? code : errc::unreachable;
}

/// How one execution of a batch came out, for the figures.
struct execution_end {
  job_id id;
  errc cause = errc::ok; ///< ok: it brought the job's result; stale: nobody wanted it any more
  bool runs_again = false;
  std::int32_t steps_from = 0, steps_kept = 0; ///< where it began, and where the next one goes on
};

/// The supervisor's last word to the scheduler.
struct batch_closed {
  batch_id batch;
  errc code = errc::ok; ///< not_leader: another scheduler has taken over
  std::vector<job_rerun> reruns{};
  std::vector<std::pair<job_id, job_state>> ended{};
  std::vector<job_id> unclear{};                       ///< the ledger knows better: read them again
  std::optional<std::chrono::milliseconds> measured{}; ///< of whole runs and whole stages only
  std::size_t handed_over = 0; ///< of the reruns, those that came as far as they were to come here
  batch_measures measures{};
  std::vector<execution_end> executions{}; ///< all of them
};

class batch_end {
public:
  /// In [0, 1); asked once for each job that failed.
  using jitter_function = std::function<double()>;

  batch_end(supervised_batch batch, const recovery_options& o);

  const supervised_batch& batch() const { return batch_; }

  /// What the worker gets. Once: of the jobs is kept what their end needs.
  run_batch hand_over(std::chrono::milliseconds lease_ttl);

  /// A checkpoint: should the worker end, its jobs go on from there.
  void saved(const batch_saved& m);

  // ---- its end

  bool is_decided() const { return decided_; }
  void finished(const batch_finished& m, wall_time now, const jitter_function& jitter); ///< by the worker's word
  void failed(errc code, const std::string& message, wall_time now, const jitter_function& jitter); ///< as a whole

  /// What is to be written.
  const end_batch& outcomes() const { return end_; }
  /// Keys of the saved runs that came with it: those that are not to be removed.
  std::vector<std::string> kept_runs() const;
  /// It is written. Once.
  batch_closed closed(const end_answer& a);

private:
  bool is_whole(const batch_finished& m) const;
  bool is_handed_over(const job_outcome& out) const;
  static execution_end execution_of(const job_outcome& out, const supervised_job& job, errc code);
  void add_outcome(const supervised_job& job, const job_result& result, std::uint64_t gpu_ms, wall_time now,
                   const jitter_function& jitter);

  supervised_batch batch_;
  recovery_options options_;
  bool decided_ = false;
  stage_times times_; ///< as its worker measured them
  end_batch end_;
  batch_closed last_;
};

} // namespace reel
