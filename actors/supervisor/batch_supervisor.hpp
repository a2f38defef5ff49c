// batch_supervisor.hpp: Looks after one batch in flight, from the grant to the commit: hands it to the
// worker, keeps its lease alive, and turns its end, whatever it is, into one ledger transaction. Then it ends
// itself.
//
// One actor per batch, spawned by the scheduler on the control node; it knows nothing of other batches. It
// holds no truth: if it dies, the scheduler starts another one for the same lease.
#pragma once

#include <random>

#include "actors/protocols.hpp"
#include "actors/supervisor/recovery_policy.hpp"
#include "runtime/clock.hpp"

namespace reel {

/// Timers of a batch supervisor.
struct renew_timeout {};
struct end_retry_timeout {};

/// The scheduler's word that the batch is lost: its node is down, or has not got it.
struct batch_lost {
  errc why = errc::unreachable;
};

/// The scheduler's word that the batch has to make room at its next step, with its work kept: its jobs come back as
/// reruns. It may just end instead, and may be said again. Of its worker, which may be an older one, nothing is asked.
struct pause_batch {
  batch_id batch;
};

/// The supervisor's last word to the scheduler.
struct batch_closed {
  batch_id batch;
  errc code = errc::ok; ///< not_leader: another scheduler has taken over
  std::vector<job_rerun> reruns{};
  std::vector<std::pair<job_id, job_state>> ended{};
  std::vector<job_id> unclear{};                       ///< the ledger knows better: read them again
  std::optional<std::chrono::milliseconds> measured{}; ///< of whole runs and whole stages only
  std::uint64_t peak_bytes = 0;                        ///< measured; 0: not known
  std::uint32_t together = 0;                          ///< most jobs computed at once, where batches joined; 0: alone
  std::optional<std::chrono::milliseconds> used{};     ///< its part of the worker's time, also when not whole
  bool out_of_memory = false;                          ///< the batch as a whole
  bool failed = false;                                 ///< likewise: it did not run to its end, nor was it paused
  health_sign sign = health_sign::none;                ///< what it says about its model
  expert_use experts{};
  std::chrono::milliseconds fetch{0}, hand_over{0}; ///< see batch_finished
  std::size_t handed_over = 0;                      ///< of the reruns, those that came as far as they were to come here
  bool runs_lost = false;                           ///< saved runs could not be stored, or not be used
};

using batch_owner_ref = act::ref<act::protocol<void(batch_closed)>>;
using batch_supervisor_protocol =
    act::protocol<done(batch_finished), void(batch_saved), void(stop_jobs), void(pause_batch), void(batch_lost)>;
using batch_supervisor_ref = act::ref<batch_supervisor_protocol>;

/// The answer to a renewal comes at the latest a quarter of a second after the deadline (act::ask).
struct batch_supervisor_options {
  std::chrono::milliseconds lease_ttl{30'000};
  std::chrono::milliseconds renew_every{5'000};
  std::chrono::milliseconds ask_deadline{4'500};  ///< of run_batch and renew_lease, see limits::renewal_answer_max
  std::chrono::milliseconds renew_first{1'000};   ///< between renewals until one is answered, of an adopted batch
  std::chrono::milliseconds end_deadline{10'000}; ///< of the ledger
  std::chrono::milliseconds end_retry{1'000};     ///< between tries while the ledger cannot
  recovery_options recovery;
  wall_clock wall = system_wall_time;
};

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

class batch_supervisor {
public:
  using interface = act::ref<act::extend<batch_supervisor_protocol, void(renew_timeout), void(end_retry_timeout)>>;
  static constexpr const char* name = "batch_supervisor";

  /// Without `objects` saved runs that no job has any more are left to the sweeper.
  batch_supervisor(interface::pointer self, supervised_batch batch, ledger_ref ledger, objects_ref objects,
                   slots_ref slots, batch_owner_ref owner, batch_supervisor_options options);
  interface::behavior_type make_behavior();

private:
  caf::result<done> on_batch_finished(const batch_finished& m);
  void on_batch_saved(const batch_saved& m);
  void on_stop_jobs(const stop_jobs& m);
  void on_pause_batch(const pause_batch& m);
  void on_batch_lost(const batch_lost& m);
  void on_renew_timeout();
  void renew(instant sent_at);
  void on_end_retry_timeout();

  void hand_over();
  void on_not_taken(errc code);
  bool is_whole(const batch_finished& m) const;
  bool is_handed_over(const job_outcome& out) const;
  void all_ended(errc code, const std::string& message);
  void add_outcome(const supervised_job& job, const job_result& result, std::uint64_t gpu_ms);
  void write_end();
  void on_end_answer(const end_answer& a);
  void close(batch_closed m);
  void remove_runs(std::vector<std::string> released, std::vector<std::string> kept);

  interface::pointer self_;
  supervised_batch batch_;
  ledger_ref ledger_;
  objects_ref objects_;
  slots_ref slots_;
  batch_owner_ref owner_;
  batch_supervisor_options options_;
  std::mt19937_64 random_;

  instant lease_until_{};
  std::uint32_t renewals_ = 0, acknowledged_ = 0; ///< sent; the latest whose answer came
  int not_found_in_a_row_ = 0;
  bool ending_ = false; ///< the outcome is decided; only the ledger is missing
  end_batch end_;
  std::optional<std::chrono::milliseconds> measured_;
  std::uint64_t peak_bytes_ = 0;
  std::optional<std::chrono::milliseconds> used_;
  std::uint32_t together_ = 0;
  bool out_of_memory_ = false;
  bool failed_ = false;
  health_sign sign_ = health_sign::none;
  expert_use experts_;
  std::chrono::milliseconds fetch_{0}, hand_over_{0};
  bool runs_lost_ = false;
  act::watcher watcher_;
  std::vector<caf::typed_response_promise<done>> waiting_; ///< who reported the end; at most a few repeats
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::renew_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::end_retry_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::batch_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::pause_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::batch_closed)
