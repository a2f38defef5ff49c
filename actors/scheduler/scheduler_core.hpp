// scheduler_core.hpp: Every decision of the scheduler as a pure value: which jobs run together, on which
// worker, when to wait for more, whom to preempt, what to do when a worker or a batch is lost. The actor around it
// (scheduler.hpp) carries the decisions out; the simulator runs the same class under virtual time.
//
// Policy: the order of job_queue.hpp; jobs of one batch key together, as many as batch_planner.hpp says; a batch that
// is not full waits for company a little while (`window`), never longer than a tenth of its predicted run time, or for
// a few milliseconds while jobs pour in; a busy worker gets a second batch only when its present one is about to end.
// A worker that would run the first job badly takes another of the same class that it runs well, if there is one. While
// no worker is free for them, jobs may join a running batch of their key between two of its steps, where the cost model
// says that it pays and its worker would take them next anyway. An urgent job that no worker is free for preempts a
// batch of the lowest class at its next denoise step.
// Where a model's two experts take turns on the device, work goes where its expert is; and a batch may be handed over
// between the two to a worker that holds the other (scheduler_core_stages.cpp), where measured costs say that it pays.
// With off-peak hours configured, class free runs (a) in them, (b) while a margin of the workers that can run it stays
// idle, (c) as far as its deadlines need (free_pace.hpp), (d) for one turn of a tenant past its age; without, at its
// turn.
// A model whose circuit breaker is open gets nothing on that class of GPU; half open, single jobs, rather those that no
// batch crashed under; after a while its fallback stands in for jobs that allow it. A worker that fails again and again
// is left alone while others serve its models.
//
// Never reads a clock, never logs. All times come in as arguments. Neither copied nor moved.
#pragma once

#include "actors/scheduler/arrival_rate.hpp"
#include "actors/scheduler/autoscaler.hpp"
#include "actors/scheduler/batch_planner.hpp"
#include "actors/scheduler/breaker_board.hpp"
#include "actors/scheduler/class_flow.hpp"
#include "actors/scheduler/expert_model.hpp"
#include "actors/scheduler/fallback.hpp"
#include "actors/scheduler/free_pace.hpp"
#include "actors/scheduler/job_queue.hpp"
#include "actors/scheduler/pipeline_mode.hpp"
#include "actors/scheduler/worker_pool.hpp"
#include "actors/supervisor/batch_measures.hpp"
#include "messages/overview.hpp"
#include "runtime/logic/overload_watch.hpp"

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
  std::map<model_id, cost_prior> cost_priors;
  std::map<model_id, memory_prior> memory_priors;
  std::map<tenant_id, double> weights; ///< 1 where there is none
  queue_options queue;
  bool preempt = true;                              ///< what a worker cannot save begins again from the start
  std::chrono::milliseconds preempt_patience{2000}; ///< a batch that ends sooner is not worth stopping
  std::chrono::milliseconds cold_start{0};          ///< of a model on a worker that ran another: 0 is free
  bool join = true;                                 ///< jobs may join a running batch of their key, where it pays
  pipeline_mode pipeline = pipeline_mode::automatic;
  off_peak_windows off_peak; ///< none: class free runs whenever its turn comes
  double free_margin = 0.1;  ///< part of the workers that stays idle when class free is given one in peak hours
  circuit_breaker::options breaker;
  std::map<model_id, fallback_rule> fallbacks;     ///< by the model that they stand in for; they have none themselves
  std::chrono::milliseconds degrade_after{30'000}; ///< of breakers that are not closed
  std::chrono::milliseconds degrade_wait{600'000}; ///< for a model, in an overload
  overload_watch::options overload;
  std::size_t queued_jobs_max = 1'000'000; ///< what an overload is measured by
};

/// "These jobs on that worker": what plan() decides.
struct planned_batch {
  batch_id id;
  worker_id worker;
  key_ptr key;
  std::vector<queue_entry> jobs;
  bool join = false;                             ///< the batch that runs there
  bool larger_device = false;                    ///< another worker that could run it has more memory
  bool probe = false;                            ///< of a circuit breaker
  bool others_do_well = false;                   ///< see execution
  std::chrono::milliseconds expected{};          ///< foretold run time; 0: not known
  degrade_reason degrade = degrade_reason::none; ///< its key's model stands in for the one that was asked for
  std::int32_t until_step = 0;                   ///< handed over after so many steps; 0: to its end
};

/// "Stop this batch at its next step and save it": an urgent job needs its worker.
struct preemption {
  batch_id id;
  worker_id worker;
};

struct plan_result {
  std::vector<planned_batch> batches;
  std::optional<instant> wake_at; ///< plan again then, if nothing happens before
  std::vector<preemption> preempt{};
};

/// A lease found in the ledger that nobody here looks after: its worker turned out to be still at it, or nobody claimed
/// it in time.
struct adoption {
  batch_id id;
  worker_id worker;
  std::vector<queue_entry> jobs;
  std::vector<job_id> cancelled; ///< of these, the ones that are to be stopped
};

/// What an ended batch took, beside what was foretold of it.
struct batch_figures {
  batch_key key;
  std::vector<std::pair<job_id, job_class>> jobs; ///< empty: the batch is not known
  double used_s = 0;                              ///< of its worker's time
  std::int32_t steps_done = 0;                    ///< by its latest progress
  std::optional<double> measured_s, foretold_s;   ///< of whole runs only
  std::uint64_t peak_bytes = 0, bound_bytes = 0;  ///< measured, and said to be the most; 0: not known
};

class scheduler_core {
public:
  explicit scheduler_core(scheduler_options o);

  // ---- jobs

  /// A job as the ledger has it: waiting, or leased by a batch that nobody here looks after. What is known already is
  /// ignored, so that reading the ledger again is harmless. True when it is new here and waits.
  bool add(const waiting_job& job, instant now);

  /// A job that comes back through the ledger (an expired lease).
  void requeue(const queue_entry& job, std::optional<wall_time> not_before, instant now = {}) {
    queue_.add(job, not_before, now);
  }

  /// The batch it runs in, which then has to be told; nothing when it waited (and is gone) or is not known.
  std::optional<batch_id> cancel(const job_id& id);

  /// Another class, as the ledger has it by now, for a waiting job, or for one whose batch is just being granted:
  /// should that one run again. False when it is neither.
  bool reprioritise(const job_id& id, job_class to, instant now);
  void set_weight(const tenant_id& tenant, double weight) { queue_.set_weight(tenant, weight); }
  /// Waiting jobs stay, running ones go on.
  void pause(const tenant_id& tenant, bool paused) { queue_.pause(tenant, paused); }
  void pause_all(bool paused) { paused_ = paused; }
  /// These pauses and no others; likewise what is drained.
  void obey(const pause_list& pauses, instant now = {});

  /// No more grants: what they bring could not be stored.
  void hold_for_store(bool held) { store_held_ = held; }

  /// These orders to circuit breakers and no others.
  void obey(const breaker_overrides& orders, instant now) { breakers_.obey(orders, now); }

  // ---- plan and its outcome

  plan_result plan(instant now, wall_time wall, id_generator& ids);

  /// The ledger's answer to a planned batch: the jobs it refused leave (they are not what we thought: read them again),
  /// the rest has new fences.
  void granted(const batch_id& id, const std::vector<granted_job>& jobs);

  /// The ledger could not answer: the jobs wait again.
  void grant_failed(const batch_id& id, instant now = {});

  void progressed(const batch_progress& p, instant now);

  /// `measured` is empty when the batch did not run from its start to its end. A job that comes back with saved steps
  /// resumes there; its batch key has them, so that only jobs that are equally far share a batch.
  batch_figures closed(const batch_id& id, const std::vector<job_rerun>& reruns,
                       std::optional<std::chrono::milliseconds> measured, instant now, const batch_measures& m = {});

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
  void node_suspect(const node_id& node, bool suspect, instant now = {});

  /// The node is gone: its workers are forgotten, its batches are lost.
  std::vector<batch_id> node_down(const node_id& node);

  /// Leases of the ledger that nobody claimed in time: their jobs have to be requeued through the ledger.
  std::vector<adoption> expired_orphans(instant now);

  // ---- fallbacks

  /// What the model that serves a job is told to make, when it asked for this.
  render_params served_by(const model_id& model, const render_params& asked) const;
  /// Another model can make the shape of such jobs.
  bool has_fallback(const batch_key& key) const { return light_of(key).has_value(); }

  // ---- views

  std::optional<job_live> describe(const job_id& id, instant now, wall_time wall) const;
  explanation explain(const job_id& id, instant now, wall_time wall) const;
  std::vector<worker_status> workers() const;
  queue_view view() const; ///< without tenants
  /// Of a scheduler that leads; without history. All breakers and pauses: whoever sends it cuts them to its bounds.
  line_overview overview(instant now, wall_time wall) const;
  std::vector<breaker_status> breakers(instant now) const { return breakers_.view(now); }
  bool is_overloaded() const { return overload_.is_on(); }
  /// What changed about circuit breakers, each change once.
  std::vector<breaker_event> take_breaker_events() { return breakers_.take_events(); }
  const pause_list& pauses() const { return pauses_; }
  /// What there is to do, by model; models without work are not in it. Nothing waits while the queue is paused. Looks
  /// at `keys_looked_at` of the waiting keys at most; the rest is taken to be like them.
  std::map<model_id, work_load> work(instant now) const;
  static constexpr std::size_t keys_looked_at = 4096; ///< some milliseconds
  const std::vector<queue_entry>* jobs_of(const batch_id& id) const;
  std::int32_t steps_done(const batch_id& id) const; ///< by its latest progress; 0: not known
  bool knows_batch(const batch_id& id) const { return batches_.contains(id); }
  std::vector<batch_id> stopping() const; ///< preempted, and not ended yet
  const batch_planner& models() const { return planner_; }
  const expert_model& experts() const { return experts_; }
  const job_queue& queue() const { return queue_; }

private:
  struct running_batch {
    worker_id worker;
    key_ptr key;
    std::vector<queue_entry> jobs;
    bool granted = false;
    std::optional<instant> missing_since; ///< in its worker's reports
    instant started_at{};
    batch_progress progress;
    instant progress_at{};    ///< zero: nothing was heard
    double charged_gpu_s = 0; ///< each job's tenant
    bool stopping = false;    ///< preempted
    bool joined = false;      ///< it runs together with the one before it
    breaker_key breaker{};
    circuit_breaker::pass pass{};
    std::uint64_t content = 0;                           ///< of what was asked for: a hash
    std::optional<std::chrono::microseconds> foretold{}; ///< by measurements
    degrade_reason degrade = degrade_reason::none;
    bool adopted = false;               ///< where it began is not known
    std::int32_t until_step = 0;        ///< handed over then; 0: it runs to its end
    std::chrono::microseconds loads{0}; ///< predicted, of experts
    batch_key part() const;             ///< its key, with the steps that it is to do here
  };
  struct orphan {
    adoption lease;
    instant expires_at{};
    std::optional<instant> missing_since;
  };
  using held_keys = std::set<key_ptr, key_by_value>; ///< they wait for company

  // plan
  void fill(worker_slot& w, instant now, wall_time wall, id_generator& ids, held_keys& held, plan_result& result);
  void fill_idle(const worker_kind& kind, instant now, wall_time wall, id_generator& ids, held_keys& held,
                 plan_result& result);
  std::optional<job_queue::first_job> next_job(const worker_kind& kind, const job_queue::key_filter& allowed,
                                               instant now, wall_time wall, held_keys& held, plan_result& result);
  job_queue::first_job better_suited(job_queue::first_job head, const worker_slot& w, instant now, wall_time wall,
                                     const job_queue::key_filter& allowed);
  double worth(const batch_key& key, const worker_slot& w, instant now);
  double usual_rate(const batch_key& key, instant now);
  void plan_batch(const job_queue::first_job& head, worker_slot& w, instant now, wall_time wall, id_generator& ids,
                  plan_result& result);
  double predicted_gpu_s(const batch_key& key, std::size_t jobs, const worker_kind& kind) const; ///< of each job
  void start(planned_batch& b, worker_slot& w, double gpu_s, instant now);
  std::optional<instant> worth_waiting(const batch_key& key, const worker_kind& kind, instant now,
                                       wall_time wall) const;
  void plan_joins(instant now, wall_time wall, id_generator& ids, plan_result& result);
  void no_more_joins(const batch_id& id);
  bool join(const batch_id& running, instant now, wall_time wall, id_generator& ids, plan_result& result);
  bool is_joinable(const running_batch& b, const worker_slot& w) const;
  bool any_idle_for(const batch_key& key, instant now) const;
  std::vector<batch_id> computed_with(const running_batch& b) const;
  std::size_t jobs_together(const worker_slot& w, const running_batch& b) const;
  void plan_preemptions(instant now, plan_result& result);
  std::optional<job_class> stoppable(const batch_id& id, const running_batch& b, instant now) const;
  const std::pair<const batch_id, running_batch>* victim_for(const batch_key& key, instant now) const;
  batch_planner::question question(const batch_key& key, const worker_kind& kind, bool free_too = false) const;
  std::size_t batch_max(const batch_key& key) const;
  bool has_larger(const batch_key& key, const worker_kind& than) const;
  bool can_run(const worker_kind& kind, const batch_key& key, instant now) const;

  // health (scheduler_core_health.cpp)
  bool may_run(const worker_kind& kind, const batch_key& key, instant now) const;
  bool any_may_run(const batch_key& key, instant now) const;
  bool is_clean(const worker_kind& kind, const batch_key& key) const;
  std::optional<job_queue::first_job> last_resort(const worker_kind& kind, instant now);
  bool others_did_well_since_it_failed(const queue_entry& job, const breaker_key& of) const;
  void pass_breaker(running_batch& b, const std::string& device, instant now);
  void judge(const running_batch& b, const batch_measures& m, std::optional<std::chrono::milliseconds> measured,
             instant now);
  void judge(worker_slot& w, const running_batch& b, const batch_measures& m, bool ran_through, instant now);
  void readmit(instant now);
  // fallbacks (scheduler_core_fallback.cpp)
  std::optional<batch_key> light_of(const batch_key& key) const;
  void refresh_degrading(instant now);
  void refresh_waits(instant now);
  bool is_shut_for_long(const model_id& model, instant now) const;
  degrade_reason degrades_on(const worker_kind& kind, const batch_key& key, instant now) const;
  void degrade(planned_batch& b, const key_ptr& light, degrade_reason why);

  explanation explain_running(const job_id& id, const batch_id& batch) const;
  void explain_breaker(explanation& e, const batch_key& key, instant now, wall_time wall) const;
  // experts that take turns (scheduler_core_stages.cpp)
  std::int32_t until_step(const job_queue::first_job& head, const worker_slot& w, std::size_t size, instant now);
  std::chrono::microseconds loading(const batch_key& key, const worker_slot& w, std::int32_t until = 0) const;
  std::optional<job_queue::first_job> for_resident(const job_queue::first_job& head, const worker_slot& w, instant now,
                                                   const job_queue::key_filter& allowed);
  std::optional<job_queue::first_job> instead_of(const job_queue::first_job& head, const worker_slot& w, instant now,
                                                 const job_queue::key_filter& good);
  bool is_for_others(const batch_key& key, const worker_slot& w);
  struct stage_backlog {
    std::size_t first_jobs = 0, second_batches = 0;
  };
  stage_backlog& backlog_of(const model_id& model);
  std::size_t holders(const model_id& model, expert e) const;
  void count_expert(worker_slot& w, bool is_usable);
  void note_experts(worker_slot& w, const batch_id& ended, expert resident);
  void learn(const running_batch& b, std::optional<std::chrono::milliseconds> measured, const expert_measures& m,
             std::string_view device);

  // class free (scheduler_core_free.cpp)
  void hold_free(instant now, wall_time wall);
  void owe_free();
  void note_for_pace(const planned_batch& b);
  void wake_for_free(instant now, wall_time wall, plan_result& result) const;
  void refresh_pace(instant now, wall_time wall);
  std::vector<due_work> free_work(instant now, std::chrono::milliseconds& longest) const;
  bool waits_for_off_peak(const queue_entry& job, instant now, wall_time wall) const;
  bool is_spare(const batch_key& key, instant now) const;
  void tally(worker_slot& w, bool is_usable);

  // workers
  std::string message_of(const worker_slot& w) const; ///< for people
  const drained_place* drained(const worker_id& id) const;
  bool usable(const worker_slot& w) const;
  void eject(worker_slot& w, instant until);
  void index(worker_slot& w, instant now);
  void count_memory(worker_slot& w, bool is_usable);
  std::optional<instant> prefetch_at(const worker_slot& w) const;
  std::optional<instant> ends_at(const running_batch& b) const;
  std::optional<instant> ends_at(const running_batch& b, const worker_slot* w) const;
  batch_figures figures_of(const running_batch& b, std::optional<std::chrono::milliseconds> measured,
                           const batch_measures& m, std::string_view device) const;
  std::optional<running_batch> take_out(const batch_id& id, instant now);
  void settle(const running_batch& b, double gpu_s);
  batch_key place_of(batch_key key, const recovery_mark& mark) const;
  bool may_take(const worker_kind& kind, const batch_key& key, instant now) const;
  void move_on(queue_entry& job, const job_rerun& rerun);
  void check_batches(const worker_slot& w, instant now, std::vector<batch_id>& lost);
  void check_orphans(const workers_report& r, instant now);
  bool is_missing(std::optional<instant>& since, bool there, instant now) const;

  // the line at a glance (scheduler_core_overview.cpp)
  static constexpr const char* ejected_for_now = "failed again and again where others did not: left alone for a while";
  void describe_workers(line_overview& o, instant now) const;
  worker_overview overview_of(const worker_slot& w, instant now) const;
  void describe_batch(worker_overview& o, const worker_slot& w, instant now) const;
  int interest(const worker_slot& w) const;

  // views
  std::uint64_t eta_ms(const queue_entry& job, instant now, wall_time wall) const;
  double wait_s(const queue_entry& job, const std::vector<double>& free_in_s, std::size_t size, double batch_s,
                instant now, wall_time wall) const;
  double off_peak_wait_s(const queue_entry& job, double before_gpu_s, double workers, double batch_s, instant now,
                         wall_time wall) const;
  job_live describe_running(const running_batch& b) const;
  void count_workers(explanation& e, const batch_key& key, instant now) const;
  double waiting_gpu_s(const batch_key& key, std::size_t jobs, instant now) const;
  double waiting_job_gpu_s(job_class cls, instant now) const;
  double left_s(const worker_slot& w, instant now) const; ///< of its last batch

  scheduler_options options_;
  job_queue queue_;
  batch_planner planner_;
  expert_model experts_;
  std::map<std::pair<model_id, expert>, std::size_t> holders_; ///< usable workers by what they hold
  std::map<model_id, stage_backlog> backlogs_;                 ///< of the present plan, as far as it has asked
  instant hand_over_from_{};                                   ///< none before: one was lost on its way
  arrival_rate arrivals_;
  class_flow flow_;
  instant last_small_batch_{};
  bool paused_ = false, store_held_ = false;
  pause_list pauses_;
  std::map<worker_id, worker_slot> workers_;
  worker_pool pool_;
  std::map<std::uint64_t, std::size_t> memory_sizes_; ///< of usable workers: bytes, how many
  std::map<batch_id, running_batch> batches_;
  std::map<batch_key, std::set<batch_id>> open_; ///< running ones that may be joined
  std::unordered_map<job_id, batch_id, uuid_hash> running_;
  std::map<batch_id, orphan> orphans_; ///< few: leases that were running when an earlier scheduler ended
  std::set<std::string> suspects_;     ///< nodes
  std::map<worker_kind, worker_tally> tallies_;
  struct usual {
    double rate = 0;
    std::optional<instant> at;
  };
  recent_table<batch_key, usual, cost_model::keys_max> usual_rates_;
  std::set<batch_id> free_batches_; ///< whose first job is of class free
  free_pace pace_;
  off_peak_share free_share_;
  std::optional<instant> paced_at_;
  bool pace_is_stale_ = false;                     ///< a batch of class free began since then
  std::chrono::duration<double> longest_other_{0}; ///< predicted, of the batches of other classes of late
  std::uint64_t grants_ = 0;
  std::size_t stopping_ = 0; ///< batches being preempted
  breaker_board breakers_;
  recent_table<job_id, instant, 4096> failed_at_; ///< of jobs under suspicion: few
  overload_watch overload_;
  std::map<model_id, degrade_reason> degrading_;            ///< at this plan
  std::map<model_id, std::chrono::duration<double>> waits_; ///< in an overload, as of waits_at_
  instant waits_at_{};
  std::set<std::pair<instant, worker_id>> ejected_; ///< until when
  bool has_canaries_ = false;
  std::size_t canaries_running_ = 0;
};

/// "workers-1" of "workers-1/0".
std::string node_of(const worker_id& w);

} // namespace reel
