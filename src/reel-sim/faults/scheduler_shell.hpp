// scheduler_shell.hpp: The scheduler as a step function: the product's scheduler core, and what the shell around it
// (actors/scheduler/scheduler.cpp) does with messages, timers and the ledger's answers. One object per life: it takes
// the leadership, reads the ledger, plans, and looks after batches through their keepers.
#pragma once

#include "actors/scheduler/scheduler_core.hpp"
#include "actors/scheduler/told_states.hpp"
#include "src/reel-sim/faults/batch_keeper.hpp"

namespace reel::faultsim {

struct scheduler_wiring {
  event_queue* events = nullptr;
  history_log* log = nullptr;
  process_id process = 0;
  ledger_disk* disk = nullptr;
  std::function<link_end*(const node_id&)> link; ///< null: no node of this cluster
  std::function<void(const supervised_batch&)> lease_expired;
  std::function<void()> leadership_lost; ///< ends this object, soon
  defect broken = defect::none;
  std::uint64_t seed = 0;
};

class scheduler_shell : public std::enable_shared_from_this<scheduler_shell> {
public:
  explicit scheduler_shell(scheduler_wiring w);

  void begin(); ///< once, when somebody holds it
  bool on_jobs_queued(const jobs_queued& m);
  void on_job_cancelled(const job_id& id);
  void on_report(const workers_report& m);
  void on_progress(const batch_progress& m) { core_.progressed(m, now()); }
  void on_finished(const batch_finished& m, answer_function reply);
  void on_peer(const node_id& node, peer_state state);

  bool breakers_closed() const;

private:
  instant now() const { return w_.events->mono(w_.process); }
  wall_time wall() const { return w_.events->wall(w_.process); }
  instant lease_clock() const; ///< what leases are measured with
  void after(ms d, std::function<void()> run);
  template <class Message, class Answer, class Done>
  void ask(void (ledger_disk::*call)(Message, reply_to<Answer>), Message m, Done done);

  void lead();
  void read_ledger(std::optional<job_id> from);
  void plan();
  void arm_plan(instant at);
  void grant(const planned_batch& b);
  void on_granted(const planned_batch& b, const grant_answer& a);
  void take_back(const batch_id& id);
  void on_taken_back(const batch_id& id, const std::vector<queue_entry>& jobs, const end_answer& a);
  void read_job_again(const job_id& id);
  void stop(const batch_id& batch, const std::vector<job_id>& jobs);
  void keep(supervised_batch b);
  void adopt(const adoption& a);
  void requeue(const adoption& a);
  void lose(const batch_id& id, errc why);
  void ledger_failed(errc code);
  void on_closed(const batch_closed& e);
  void on_orphan_timeout();
  void pause(const batch_id& id);
  void follow_breakers();

  scheduler_wiring w_;
  std::shared_ptr<const keeper_wiring> keepers_wiring_;
  scheduler_core core_;
  random_stream random_;
  id_generator ids_;
  told_states told_;
  std::uint64_t term_ = 0;
  bool recovering_ = true, reading_ = false, read_again_ = false;
  instant hold_until_{}, plan_armed_for_{};
  std::uint64_t plan_number_ = 0;
  std::map<batch_id, std::shared_ptr<batch_keeper>> keepers_;
  std::map<batch_id, std::vector<job_id>> stops_;
  std::set<batch_id> grants_unclear_;
};

node_id node_of_worker(const worker_id& w);
scheduler_options scheduler_options_here();
admission_limits admission_limits_here();
inline const tenant_id limited_tenant{"t3"};
inline constexpr std::uint64_t limited_tenant_running = 6;

} // namespace reel::faultsim
