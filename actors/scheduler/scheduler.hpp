// scheduler.hpp: The actor around scheduler_core: receives, asks the core, carries out what it decided. One
// per cluster, on the node with the scheduler role; the ledger's leader row makes sure of it
// (reliability.md 2.11).
//
// Start: take leadership (a new term), then read the pauses and every unfinished job from the ledger, then plan.
// Reports and ends of batches that come before the reading is done are put off: their senders repeat them.
//
// If another scheduler has taken over (errc::not_leader), it throws and its supervisor starts it again from
// there.
#pragma once

#include <set>
#include <unordered_set>

#include "actors/scheduler/fleet_scaler.hpp"
#include "actors/scheduler/foretold_ends.hpp"
#include "actors/scheduler/line_history.hpp"
#include "actors/scheduler/scheduler_core.hpp"
#include "actors/scheduler/scheduler_metrics.hpp"
#include "actors/scheduler/told_states.hpp"
#include "actors/supervisor/batch_supervisor.hpp"
#include "runtime/cluster/hub.hpp"

namespace reel {

/// Timers of the scheduler.
struct plan_timeout {
  std::uint64_t number = 0; ///< only the latest armed one counts
};
struct orphan_timeout {}; ///< before it leads: to try to

/// From main(), when the node is stopped: no more grants. Answered when none is under way any more. What runs goes on,
/// and the next scheduler adopts it.
struct stop_leasing {};

using scheduler_actor_protocol =
    act::extend<scheduler_protocol, pause_list(set_pause), breakers_view(set_breaker),
                reprioritise_answer(reprioritise_job), accept_answers(redrive_jobs), void(peer_changed),
                void(batch_closed), void(plan_timeout), void(orphan_timeout), done(stop_leasing)>;

struct scheduler_wiring {
  node_id self;
  node_epoch epoch;
  ledger_ref ledger;
  std::map<node_id, slots_ref> slots;      ///< by worker node
  std::map<node_id, gateway_ref> gateways; ///< by gateway node
  std::shared_ptr<scheduler_metrics> metrics;
  objects_ref objects{}; ///< none: saved runs that no job has any more are left to the sweeper
};

struct scheduler_shell_options {
  scheduler_options core;
  batch_supervisor_options supervisor;
  fleet_options fleet;
  std::chrono::milliseconds ask_deadline{10'000};  ///< of the ledger
  std::chrono::milliseconds store_deadline{2'000}; ///< of the object store, about its breaker
  /// Its breaker has not been closed for so long: no grants. Until then workers do what they are given, and keep it;
  /// less than their patience with the store, so that what they give up waits instead of being rendered again and
  /// again.
  std::chrono::milliseconds store_hold_after{300'000};
  std::chrono::milliseconds retry_pause{500};   ///< after the ledger could not answer
  std::chrono::milliseconds scale_after{3'000}; ///< leadership: nodes report once a second
  wall_clock wall = system_wall_time;
};

class scheduler {
public:
  using interface = act::ref<scheduler_actor_protocol>;
  static constexpr const char* name = "scheduler";

  scheduler(interface::pointer self, scheduler_wiring wiring, scheduler_shell_options options);
  interface::behavior_type make_behavior();

private:
  done on_jobs_queued(const jobs_queued& m);
  void on_job_cancelled(const job_cancelled& m);
  caf::result<job_live> on_describe_job(const describe_job& m);
  caf::result<explanation> on_explain_job(const explain_job& m);
  void on_watch_jobs(const watch_jobs& m);
  queue_view on_describe_queue();
  line_overview on_describe_line();
  workers_view on_describe_workers();
  breakers_view on_describe_breakers();
  void on_breakers_view(const breakers_view& m);
  caf::result<pause_list> on_set_pause(const set_pause& m);
  caf::result<breakers_view> on_set_breaker(const set_breaker& m);
  caf::result<reprioritise_answer> on_reprioritise_job(const reprioritise_job& m);
  void on_workers_report(const workers_report& m);
  void on_batch_progress(const batch_progress& m);
  void on_batch_saved(const batch_saved& m);
  std::int64_t steps_lost(const batch_closed& m) const;
  caf::result<done> on_batch_finished(const batch_finished& m);
  void on_batch_closed(const batch_closed& m);
  void on_peer_changed(const peer_changed& m);
  void on_plan_timeout(plan_timeout t);
  void lead();
  void on_orphan_timeout();
  caf::result<done> on_stop_leasing();

  void read_ledger(std::optional<job_id> after);
  void learn_pauses();
  void learn_breakers();
  void obey(breaker_overrides orders);
  void tell_store(std::function<void()> then);
  void hold_for_store();
  void follow_breakers();
  void note();
  void plan();
  void grant(const planned_batch& b);
  void on_granted(const planned_batch& b, const grant_answer& a);
  void on_grant_failed(const batch_id& id, errc code);
  void take_back(const batch_id& id);
  void on_taken_back(const batch_id& id, const std::vector<queue_entry>& jobs, const end_answer& a);
  void grant_settled();
  void read_job_again(const job_id& id);
  void stop(const batch_id& batch, const std::vector<job_id>& jobs);
  void supervise(supervised_batch b);
  void adopt(const adoption& a);
  caf::result<accept_answers> on_redrive_jobs(const redrive_jobs& m);
  void requeue(const adoption& a);
  void lose(const batch_id& id, errc why);
  void ledger_failed(errc code);
  void add(const waiting_job& job);
  void keep_in_history(const supervised_batch& b);
  void keep_in_history(const batch_closed& m);
  void notify(const job_id& id, job_state state);
  void foretell(const std::vector<waiting_job>& jobs);
  void compare_with_foretold(const std::vector<std::pair<job_id, job_state>>& ended);
  void pause(const batch_id& id);
  void scale();
  void arm_plan(instant at);

  interface::pointer self_;
  scheduler_wiring wiring_;
  scheduler_shell_options options_;
  scheduler_core core_;
  fleet_scaler fleet_;
  instant scale_from_{};
  id_generator ids_;
  std::uint64_t term_ = 0;
  bool recovering_ = true;
  bool reading_ = false;                                  ///< a pass over the ledger is under way
  bool read_again_ = false;                               ///< something was missed: another pass after this one
  std::uint64_t pause_changes_ = 0, breaker_changes_ = 0; ///< answered, or failed
  bool pauses_unread_ = false, breakers_unread_ = false;  ///< the ledger could not: it is asked again
  std::optional<breaker_overrides> store_orders_;         ///< the object store's part of them, once they are known
  std::optional<breaker_status> store_breaker_;           ///< as the object store said last
  std::optional<instant> store_ill_since_;
  bool telling_store_ = false;
  instant hold_until_{};              ///< no grants before: the ledger could not
  std::size_t grants_open_ = 0;       ///< asked of the ledger
  std::set<batch_id> grants_unclear_; ///< not answered: they may have happened
  bool leaving_ = false;              ///< no more grants
  std::vector<caf::typed_response_promise<done>> left_;
  instant plan_armed_for_{};
  std::uint64_t plan_number_ = 0;
  std::map<batch_id, batch_supervisor_ref> supervisors_;
  std::map<batch_id, std::vector<job_id>> stops_;                    ///< cancelled while their grant is under way
  std::map<node_id, std::unordered_set<job_id, uuid_hash>> watched_; ///< by gateway
  foretold_ends foretold_;
  instant foretold_at_{};
  told_states told_;
  line_history history_;
  act::watcher watcher_;
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::plan_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::orphan_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::stop_leasing)
