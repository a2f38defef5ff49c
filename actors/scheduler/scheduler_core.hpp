// scheduler_core.hpp: Every decision of the scheduler as a pure value: which jobs run together, on which
// worker, when to wait for more, what to do when a worker or a batch is lost. The actor around it
// (scheduler.hpp) carries the decisions out; the simulator runs the same class under virtual time.
//
// Policy of this version: class first, then age; jobs of one batch key together, up to the model's
// `batch_max`; a batch that is not full waits for company a little while (`window`), never longer than a
// tenth of its predicted run time, or for a few milliseconds while jobs pour in; a busy worker gets a second batch only
// when its present one is about to end.
//
// Never reads a clock, never logs. All times come in as arguments.
#pragma once

#include "actors/scheduler/arrival_rate.hpp"
#include "actors/scheduler/job_queue.hpp"
#include "actors/scheduler/run_time.hpp"
#include "actors/supervisor/recovery_policy.hpp"
#include "messages/scheduler.hpp"

namespace reel {

struct scheduler_options {
  std::chrono::milliseconds window{200};           ///< longest wait for company
  std::chrono::milliseconds rush_window{4};        ///< between two batches that are not full, while jobs pour in
  std::chrono::milliseconds prefetch_horizon{250}; ///< a batch that ends sooner may be queued behind
  std::chrono::milliseconds lease_ttl{30'000};     ///< also: how long an orphaned lease is waited for
  std::chrono::milliseconds avoid_for{30'000};     ///< a worker that failed a batch, while others are free
  std::chrono::milliseconds missing_for{3'000}; ///< of a batch in its worker's reports, until it is lost: three reports
  std::size_t batch_max = 8;                    ///< jobs, where the model has no entry of its own
  std::map<model_id, std::size_t> model_batch_max;
};

/// "These jobs on that worker": what plan() decides.
struct planned_batch {
  batch_id id;
  worker_id worker;
  key_ptr key;
  std::vector<queue_entry> jobs;
};

struct plan_result {
  std::vector<planned_batch> batches;
  std::optional<instant> wake_at; ///< plan again then, if nothing happens before
};

/// A lease found in the ledger that nobody here looks after: its worker turned out to be still at it, or nobody claimed
/// it in time.
struct adoption {
  batch_id id;
  worker_id worker;
  std::vector<queue_entry> jobs;
  std::vector<job_id> cancelled; ///< of these, the ones that are to be stopped
};

class scheduler_core {
public:
  explicit scheduler_core(scheduler_options o) : options_{std::move(o)} {}

  // ---- jobs

  /// A job as the ledger has it: waiting, or leased by a batch that nobody here looks after. What is known already is
  /// ignored, so that reading the ledger again is harmless.
  void add(const waiting_job& job, instant now);

  /// A job that comes back through the ledger (an expired lease).
  void requeue(const queue_entry& job, std::optional<wall_time> not_before) { queue_.add(job, not_before); }

  /// The batch it runs in, which then has to be told; nothing when it waited (and is gone) or is not known.
  std::optional<batch_id> cancel(const job_id& id);

  // ---- plan and its outcome

  plan_result plan(instant now, wall_time wall, id_generator& ids);

  /// The ledger's answer to a planned batch: the jobs it refused leave (they are not what we thought: read them again),
  /// the rest has new fences.
  void granted(const batch_id& id, const std::vector<granted_job>& jobs);

  /// The ledger could not answer: the jobs wait again.
  void grant_failed(const batch_id& id);

  void progressed(const batch_progress& p);

  /// `measured` is empty when the batch did not run to its end.
  void closed(const batch_id& id, const std::vector<job_rerun>& reruns,
              std::optional<std::chrono::milliseconds> measured, instant now);

  // ---- workers

  struct report_result {
    std::vector<batch_id> lost;                          ///< believed there, missing for too long
    std::vector<adoption> adopted;                       ///< found there, known from the ledger
    std::vector<std::pair<batch_id, worker_id>> unknown; ///< found there, known to nobody: to be stopped
  };
  report_result reported(const workers_report& r, instant now);

  /// The end of a batch arrived before the report that shows it: the same adoption, on its word.
  std::optional<adoption> adopt(const batch_id& id, const worker_id& on, instant now);

  /// A node that may be gone gets no new work until it is heard again.
  void node_suspect(const node_id& node, bool suspect);

  /// The node is gone: its workers are forgotten, its batches are lost.
  std::vector<batch_id> node_down(const node_id& node);

  /// Leases of the ledger that nobody claimed in time: their jobs have to be requeued through the ledger.
  std::vector<adoption> expired_orphans(instant now);

  // ---- views

  std::optional<job_live> describe(const job_id& id) const;
  std::vector<worker_status> workers() const;
  queue_view view() const;
  const std::vector<queue_entry>* jobs_of(const batch_id& id) const;
  bool knows_batch(const batch_id& id) const { return batches_.contains(id); }

private:
  struct running_batch {
    worker_id worker;
    key_ptr key;
    std::vector<queue_entry> jobs;
    bool granted = false;
    std::optional<instant> missing_since; ///< in its worker's reports
    instant started_at{};
    batch_progress progress;
  };
  struct worker {
    worker_status status;
    std::vector<batch_id> batches; ///< in order of grant; at most its credits
    instant avoid_until{};         ///< it failed a batch
    std::uint64_t last_grant = 0;  ///< number of its latest grant
  };
  struct orphan {
    adoption lease;
    instant expires_at{};
    std::optional<instant> missing_since;
  };

  std::vector<worker*> in_order_of_preference(instant now);
  void fill(worker& w, instant now, wall_time wall, id_generator& ids, plan_result& result);
  bool has_place(const worker& w, instant now) const;
  std::optional<instant> ends_at(const batch_id& id) const;
  bool serves(const worker& w, const batch_key& key) const;
  std::size_t batch_max(const batch_key& key) const;
  std::optional<instant> worth_waiting(const batch_key& key, instant now, wall_time wall) const;
  void start(planned_batch& b, worker& w, instant now);
  std::optional<running_batch> take_out(const batch_id& id);
  void check_batches(const worker& w, instant now, std::vector<batch_id>& lost);
  void check_orphans(const workers_report& r, instant now);
  bool is_missing(std::optional<instant>& since, bool there, instant now) const;

  scheduler_options options_;
  job_queue queue_;
  arrival_rate arrivals_;
  instant last_small_batch_{};
  run_time_model run_time_;
  std::map<worker_id, worker> workers_;
  std::map<batch_id, running_batch> batches_;
  std::unordered_map<job_id, batch_id, uuid_hash> running_;
  std::map<batch_id, orphan> orphans_; ///< few: leases that were running when an earlier scheduler ended
  std::set<std::string> suspects_;     ///< nodes
  std::uint64_t grants_ = 0;
};

} // namespace reel
