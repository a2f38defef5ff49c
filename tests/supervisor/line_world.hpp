// line_world.hpp: The whole line without sockets, processes and GPUs, in virtual time: the real ledger shell
// over the memory ledger, the real scheduler, batch supervisors and node supervisors; worker processes are
// played by scripted actors that do what a test says. For the actor ring.
#pragma once

#include "actors/scheduler/scheduler.hpp"
#include "actors/storage/ledger_actor.hpp"
#include "actors/storage/memory_ledger.hpp"
#include "actors/storage/memory_objects.hpp"
#include "actors/storage/objects_actor.hpp"
#include "actors/storage/saved_run_parts.hpp"
#include "actors/supervisor/node_supervisor.hpp"
#include "runtime/supervise.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/samples.hpp"

namespace reel {

/// A worker process as its node sees it.
struct played_worker {
  worker_id id;
  node_supervisor_ref node; ///< whom it reports to
  int pid = 0;
  bool silent = false;            ///< takes nothing, answers nothing
  std::vector<run_batch> batches; ///< taken and not ended
  std::vector<stop_jobs> stops;
  std::vector<renew_lease> renewals;
  child_processes::on_exit on_exit;
};

class line_world {
public:
  explicit line_world(std::optional<std::uint64_t> seed = {}, std::size_t nodes = 2);
  ~line_world(); ///< ends the actors, which hold each other

  // ---- what happens outside
  job_id submit(std::uint64_t number, job_class cls = job_class::standard, const std::string& tenant = "acme",
                const job_id& final_of = {});
  /// Ends its first batch, which took so long.
  void finish(played_worker& w, errc code = errc::ok, std::chrono::milliseconds took = std::chrono::milliseconds{10},
              const expert_use& experts = {});
  void progress(const run_batch& b, int step);       ///< it denoises
  void save(const run_batch& b, std::int32_t steps); ///< its worker has stored what it did
  void pause(const run_batch& b);                    ///< by another supervisor of the same lease
  /// Its first batch ends as one that was paused; 0 steps: nothing was saved.
  void preempted(played_worker& w, std::int32_t steps, bool forget_saved = false,
                 std::chrono::milliseconds took = std::chrono::milliseconds{10}, const expert_use& experts = {});
  void late_result(const run_batch& b); ///< a success that comes when its lease is long over
  void crash(played_worker& w);         ///< its process dies; the node starts another
  void restart_scheduler();
  void end_scheduler(); ///< for good
  void cancel(const job_id& id);
  outcome<pause_list, errc> set_paused(const std::string& tenant, bool paused);
  outcome<breakers_view, errc> order_breaker(const std::string& model, breaker_order order);
  outcome<reprioritise_answer, errc> reprioritise(const job_id& id, job_class to);
  void pass(std::chrono::milliseconds d);

  // ---- what can be seen
  job_record record(const job_id& id);
  explanation why(const job_id& id);
  queue_view queue();
  line_overview overview();
  breakers_view breakers();
  errc upload(std::uint64_t number);            ///< some file
  double metric(const std::string& name) const; ///< a counter without labels
  std::size_t saved_objects() const { return store->list({})->objects.size(); }
  played_worker* busy(); ///< some worker with a batch; null: none
  played_worker& worker(std::size_t node) { return *workers_[node]; }
  std::size_t workers() const { return workers_.size(); }

  std::chrono::milliseconds clock_set_by{0}; ///< the wall clock only
  bool ledger_down = false;                  ///< ends are answered unavailable
  bool grants_unanswered = false;            ///< they and pauses happen, but the answers get lost

  deterministic_system system;
  std::shared_ptr<memory_objects> store = std::make_shared<memory_objects>([] { return sample::wall0; });

private:
  void start_node(std::size_t index);
  template <class Answer, class Message> outcome<Answer, errc> command(const Message& m);
  wall_time wall() const { return sample::wall0 + std::chrono::seconds{60} + passed_ + clock_set_by; }

  std::chrono::milliseconds passed_{0};
  std::shared_ptr<memory_ledger> ledger_;
  std::shared_ptr<delivery_point> replies_ = std::make_shared<delivery_point>();
  supervisor_ref supervisor_;
  ledger_ref ledger_actor_, ledger_front_;
  act::ref<scheduler_actor_protocol> scheduler_, scheduler_door_;
  scheduler_ref scheduler_front_;
  std::vector<std::shared_ptr<played_worker>> workers_; ///< one slot per node
  std::vector<node_supervisor_ref> nodes_;
  std::vector<act::ref<worker_protocol>> worker_actors_;
  std::map<node_id, slots_ref> slots_;
  objects_ref objects_;
  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<scheduler_metrics> metrics_;
  int last_pid_ = 100;
};

} // namespace reel
