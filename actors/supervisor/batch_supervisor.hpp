// batch_supervisor.hpp: Looks after one batch in flight, from the grant to the commit: hands it to the
// worker, keeps its lease alive, and turns its end, whatever it is, into one ledger transaction. Then it ends
// itself. What its end comes to is decided in batch_end.hpp, when its lease has run out in batch_lease.hpp.
//
// One actor per batch, spawned by the scheduler on the control node; it knows nothing of other batches. It
// holds no truth: if it dies, the scheduler starts another one for the same lease.
#pragma once

#include <random>

#include "actors/protocols.hpp"
#include "actors/supervisor/batch_end.hpp"
#include "actors/supervisor/batch_lease.hpp"
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
  void renew();
  void on_end_retry_timeout();

  void hand_over();
  void on_not_taken(errc code);
  void failed(errc code, const std::string& message);
  void note_jobs(std::string_view event) const;
  void note_failure(errc code, const std::string& message) const;
  double jitter() { return std::uniform_real_distribution<>{0, 1}(random_); }
  void write_end();
  void on_end_answer(const end_answer& a);
  void close(batch_closed m);
  void remove_runs(std::vector<std::string> released, std::vector<std::string> kept);

  interface::pointer self_;
  ledger_ref ledger_;
  objects_ref objects_;
  slots_ref slots_;
  batch_owner_ref owner_;
  batch_supervisor_options options_;
  std::mt19937_64 random_;
  batch_end end_;
  batch_lease lease_;
  act::watcher watcher_;
  std::vector<caf::typed_response_promise<done>> waiting_; ///< who reported the end; at most a few repeats
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::renew_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::end_retry_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::batch_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::pause_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::batch_closed)
