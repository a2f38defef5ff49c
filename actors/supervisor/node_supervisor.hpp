// node_supervisor.hpp: The slots of one worker node: starts a reel-worker process per GPU slot, watches it,
// starts it again when it dies, and stands between it and the cluster. Batch supervisors talk to this actor;
// it talks to the processes over the local link.
//
// What it guarantees: a batch it took ends with exactly one batch_finished to the scheduler, repeated until
// answered, also when the process is killed under it. One per node with the workers role. Lists of batches
// are bounded by the slots' credits.
//
// Between `slots_min` and all slots as many have a process as the scheduler wants. A process is stopped only while its
// slot has no batch, the one first that had none for longest.
//
// A process that says nothing, that has work and does not get on, or whose batch runs far longer than foretold is
// killed. A slot whose processes end too often is ejected, which is nobody else's trouble: the others go on, and an
// operator starts it again (restart_slot).
//
// When the node is stopped (drain) it takes nothing more and gives back what has not begun. What runs may finish until
// `hand_back_time` before the patience ends; then, or at once when it is told to hurry, it is paused between two steps
// with its work kept, and what is not out in time is handed back without.
//
// When its machine is about to be taken away (pause_slots) it takes nothing more, and every batch leaves between two
// steps with its work kept; what is not out by `evict_patience` (a decoding that takes longer, a store that does not
// answer) is handed back without its work.
#pragma once

#include <limits>

#include "actors/protocols.hpp"
#include "actors/supervisor/slot.hpp"
#include "actors/supervisor/slots_metrics.hpp"
#include "runtime/child_process.hpp"
#include "runtime/cluster/hub.hpp"

namespace reel {

/// Timers and internal notices of a node supervisor.
struct report_timeout {};
struct start_slot_timeout {
  std::size_t slot = 0;
};
struct tell_end_timeout {
  batch_id batch;
};
struct child_ended {
  std::size_t slot = 0;
  int pid = 0;
  child_exit how;
};

/// From main() at SIGTERM; answered when no batch is left or the time is over.
struct drain {
  std::chrono::milliseconds patience{};
};
struct hand_back {};     ///< pause what still runs; also from main(), when it is told to hurry
struct drain_timeout {}; ///< no more waiting for it

/// From main() at a termination notice, before or while it drains.
struct pause_slots {};

using node_supervisor_protocol =
    act::extend<slots_protocol, void(worker_ready), void(worker_alive), void(batch_progress), void(batch_saved),
                done(batch_finished), void(peer_changed), void(child_ended), done(drain), void(report_timeout),
                void(start_slot_timeout), void(tell_end_timeout), void(hand_back), void(drain_timeout),
                void(pause_slots)>;

using node_supervisor_ref = act::ref<node_supervisor_protocol>;

/// Starting and addressing worker processes, as main() wires it.
struct slot_wiring {
  worker_id id;
  node_id local_peer; ///< its name on the local link
  worker_ref worker;  ///< handle over the local link
  std::function<child_spec(const std::string& token)> command;
  std::function<std::string()> last_words;              ///< the last line a dead process logged, for people
  std::function<std::vector<batch_id>()> last_computed; ///< what it was computing then (black_box.hpp)
};

struct node_supervisor_wiring {
  node_id self;
  node_epoch epoch;
  scheduler_ref scheduler;
  std::function<int(const child_spec&, child_processes::on_exit)> launch;   ///< throws std::runtime_error
  std::function<void(int pid)> kill;                                        ///< SIGKILL
  std::function<void()> kill_all;                                           ///< what an earlier incarnation left
  std::function<void(const node_id& peer, const std::string& token)> admit; ///< on the local link
  std::function<void(const node_id& peer)> dismiss;
  std::function<void()> evict; ///< tells main() of a termination notice
  std::vector<slot_wiring> slots;
  std::shared_ptr<slots_metrics> metrics{}; ///< null: nobody counts
};

struct node_supervisor_options {
  slot_options slot;
  std::chrono::milliseconds report_every{1'000};
  std::chrono::milliseconds worker_deadline{5'000};
  std::chrono::milliseconds scheduler_deadline{15'000}; ///< of an end: it contains a ledger transaction
  std::chrono::milliseconds end_retry{500};
  std::size_t slots_min =
      std::numeric_limits<std::size_t>::max();      ///< with a process in any case; more than there are: all
  std::chrono::milliseconds idle_least{2'000};      ///< before a process is stopped: its next batch may be on its way
  std::chrono::milliseconds evict_patience{20'000}; ///< of the 30 s in which the node has to be gone
  std::chrono::milliseconds hand_back_time{10'000}; ///< for running batches to leave with their work
};

class node_supervisor {
public:
  using interface = act::ref<node_supervisor_protocol>;
  static constexpr const char* name = "node_supervisor";

  node_supervisor(interface::pointer self, node_supervisor_wiring wiring, node_supervisor_options options);
  interface::behavior_type make_behavior();

private:
  caf::result<done> on_run_batch(const run_batch& m);
  caf::result<done> on_renew_lease(const renew_lease& m);
  void on_stop_jobs(const stop_jobs& m);
  void on_want_slots(const want_slots& m);
  caf::result<done> on_evict_node(const evict_node& m);
  caf::result<done> on_restart_slot(const restart_slot& m);
  void on_worker_ready(const worker_ready& m);
  void on_worker_alive(const worker_alive& m);
  void on_batch_progress(const batch_progress& m);
  void on_batch_saved(const batch_saved& m);
  done on_batch_finished(const batch_finished& m);
  void on_child_ended(const child_ended& m);
  void on_peer_changed(const peer_changed& m);
  caf::result<done> on_drain(const drain& m);
  void on_report_timeout();
  void on_start_slot_timeout(start_slot_timeout m);
  void on_tell_end_timeout(const tell_end_timeout& m);
  void on_hand_back();
  void on_drain_timeout();
  void on_pause_slots();

  std::optional<std::size_t> find(const worker_id& id) const;
  std::optional<std::size_t> idlest() const;
  std::optional<std::size_t> first_stopped() const;
  void begin();
  void start(std::size_t index);
  void stop(std::size_t index);
  void forgive_silence();
  void end_stuck(slot& s);
  void pause_all();
  void end_all(std::size_t index, errc code, const std::string& message);
  void end_for_process(std::size_t index, const batch_id& id, errc code, const std::string& message);
  void give_back_unbegun();
  void tell_end(const batch_id& id);
  void end_told(const batch_id& id, const worker_id& worker);
  void report();
  void check_drained();

  interface::pointer self_;
  node_supervisor_wiring wiring_;
  node_supervisor_options options_;
  std::vector<slot> slots_;
  std::map<batch_id, batch_finished> ends_; ///< not yet acknowledged by the scheduler
  instant last_report_at_{};
  bool draining_ = false;
  bool handing_back_ = false;
  std::optional<caf::typed_response_promise<done>> drained_;
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::report_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::start_slot_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::tell_end_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::child_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::hand_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::drain_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::pause_slots)
