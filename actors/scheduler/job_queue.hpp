// job_queue.hpp: The jobs that wait for a worker, in the order they are to be served.
//
//   1. Class: urgent > vip > standard > free.
//   2. Inside a class, weighted fair shares between tenants by GPU-seconds (fair_share.hpp).
//   3. Inside a tenant the jobs that take its next turn (finals of previews), then the earliest deadline, then age.
//      A job without a deadline counts as due `due_in` after its creation, so that it cannot be overtaken for ever but
//      by next turns.
//
// Ageing: a tenant that has jobs waiting in a class and had no turn there for `age_after[class]` moves up to the place
// between urgent and vip for one turn; such tenants go by the time they became due. So the first job of a tenant
// waits, beside what urgent jobs take, at most
//
//     vip 15 min, standard 1 h, free 6 h  +  one turn of every tenant due before it / workers that fit,
//
// and a job with k jobs of its own tenant before it at most (k + 1) times that. The wait counts per tenant, not per
// job, on purpose: if every old job moved up, one tenant's flood would push itself past everybody else by waiting.
// Urgent is never aged into: it is the operators' class and preempts. Among jobs a free worker can run, order is
// exact at every plan, so I12's bound of 5 s is a bound on the planning delay (window, at most 200 ms).
//
// A tenant of which as many jobs run as may (running_quota.hpp) is passed over like a paused one until one has ended.
//
// Class free may be held back (hold_free): then only what its filter lets through is served, tenants past their age,
// and, where it is owed, the job that is due first: after the aged tenants of other classes, before those of its own.
//
// Jobs of one batch key can be taken together. Of those that may go next, the first of the batch stays the first; the
// others are, where `theme` is on, the ones most like it in prompt (prompt_theme.hpp) among the tenant's jobs without a
// deadline that were created within `theme_within` of its first. Class, tenant and deadline decide as without it, and
// no job is passed by one that is younger by more than that.
//
// Who fills up a batch that another tenant's job heads may get past older jobs of its own tenant, whose key is another.
// Not by more than `overtake_within` in class free where that key is another only because such a job has begun and was
// paused: it can share no batch with those that have not, so that it would be overtaken as long as others' batches have
// room. (For paying classes batches that are fuller are worth more: without it they wait 3 % less at p95, measured.)
//
// Jobs in retry_wait lie aside until their time, and those that failed before also until the retry budget of their
// model has room.
//
// Owned by the scheduler core; neither copied nor moved (its tables point into each other). About 200 bytes per job.
// O(log n) in the jobs; finding the front skips the batch keys that the worker cannot run, O(k) in those.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "actors/scheduler/fair_share.hpp"
#include "actors/scheduler/job_table.hpp"
#include "actors/scheduler/running_quota.hpp"
#include "messages/scheduler.hpp"

namespace reel {

/// What is kept of a waiting or running job.
struct queue_entry {
  job_id id;
  job_class cls = job_class::standard;
  key_ptr key;
  std::uint32_t generation = 1;
  std::uint32_t fence = 0;
  std::uint32_t attempts_used = 0;
  tenant_id tenant{};
  std::optional<wall_time> deadline{};
  std::uint16_t preempted = 0; ///< times
  bool next_turn = false;      ///< goes before the other jobs of its tenant
  std::uint64_t theme = 0;     ///< of its prompt; 0: not known
  bool is_retry = false;       ///< it has a place in its model's retry_budget
  recovery_mark mark{};        ///< of one found running in the ledger; a grant brings it otherwise
};

struct queue_options {
  std::array<std::chrono::seconds, 4> age_after{std::chrono::hours{24 * 365}, std::chrono::minutes{15},
                                                std::chrono::hours{1}, std::chrono::hours{6}};
  std::chrono::milliseconds due_in{std::chrono::hours{24}}; ///< of a job without deadline: schedule-to-close's default
  std::map<tenant_id, running_limits> running{};            ///< where there are any
  bool theme = true;                                        ///< alike prompts share batches
  std::chrono::milliseconds delay_most{std::chrono::hours{1}}; ///< longest pause before a retry
  bool dues = false; ///< keep the jobs of class free by due time as well: needed to hold it back
};

class job_queue {
public:
  static constexpr std::size_t classes = 4;
  /// Tenants past their age of one class that are looked at per plan: more cannot get a turn at once anyway, and those
  /// that no worker can serve must not make every plan long.
  static constexpr std::size_t aged_most = 64;
  /// Ties for the theme: among so many jobs, and created so close to each other; less than most batches take.
  static constexpr std::size_t theme_look_most = 32;
  static constexpr std::chrono::minutes theme_within{10};
  static constexpr std::chrono::minutes overtake_within{5}; ///< a few batches
  /// Lanes that are passed over for an older job when one batch is filled up; then it stays smaller.
  static constexpr std::size_t held_lanes_most = 64;
  /// Due times of class free are counted by the quarter of an hour: 672 counters for a week of deadlines.
  static constexpr std::chrono::minutes dues_step{15};

  using key_filter = std::function<bool(const batch_key&)>;

  explicit job_queue(queue_options o = {}) : options_{std::move(o)}, running_{options_.running} {}
  job_queue(const job_queue&) = delete;
  job_queue& operator=(const job_queue&) = delete;

  /// False when the job is here already (a repeated notice is harmless).
  bool add(const waiting_job& job, instant now = {});
  bool add(const queue_entry& entry, std::optional<wall_time> not_before = {}, instant now = {});
  bool remove(const job_id& id);
  bool contains(const job_id& id) const { return jobs_.contains(id); }
  key_ptr key_of(const job_id& id) const;
  std::optional<queue_entry> entry_of(const job_id& id) const;
  std::optional<wall_time> delayed_until(const job_id& id) const;

  /// Another class for a waiting job; false when it does not wait.
  bool reprioritise(const job_id& id, job_class to, instant now);

  /// Moves the delayed jobs whose time has come into their place, as far as retry budgets go. Gives the time of the
  /// next one.
  std::optional<wall_time> release(wall_time wall, instant now = {});

  /// The job to serve next among those whose key passes the filter.
  struct first_job {
    key_ptr key;
    job_id id;
    tenant_id tenant;
    job_class cls = job_class::standard;
    bool aged = false; ///< moved up: its tenant by waiting, or it is owed
    std::optional<wall_time> deadline;
    double start = 0; ///< virtual, of its tenant
  };
  std::optional<first_job> first(const key_filter& served, instant now);
  key_ptr front(const key_filter& served, instant now = {});

  /// Up to `most` jobs of the key, that one first, the others in order of service across classes. They leave the queue;
  /// their tenants are charged `gpu_s` GPU-seconds each.
  std::vector<queue_entry> take(const first_job& head, std::size_t most, instant now, double gpu_s);
  std::vector<queue_entry> take(const batch_key& key, std::size_t most);

  /// What a job was charged too little (or, negative, too much).
  void settle(const tenant_id& tenant, job_class cls, double gpu_s);

  /// A job runs that was not taken here (a lease found in the ledger); one that was taken or found does not any more.
  void started(const queue_entry& job);
  void ended(const queue_entry& job);
  /// What an execution on this model came to: its retry budget follows.
  void learn(const model_id& model, bool good, instant now);
  /// The limit that keeps the tenant's jobs of this class waiting; nothing when there is none.
  std::optional<running_quota::figures> held_by(const tenant_id& tenant, job_class cls) const {
    return running_.reached(tenant, cls);
  }

  /// Holds class free back but for keys that pass; an empty filter serves it like any other class.
  void hold_free(key_filter open) { free_open_ = std::move(open); }
  /// While it is owed, the job of class free that is due first is served before vip, held back or not.
  void owe_free(bool owed) { owed_ = owed; }
  bool is_free_open(const batch_key& key) const { return !free_open_ || free_open_(key); }

  /// The key as it is kept: one object for all jobs that wait with it.
  key_ptr share(const batch_key& key) const;

  /// As it is kept: its key has the steps that have been saved.
  queue_entry entry_of(const waiting_job& job) const;

  // ---- tenants

  void set_weight(const tenant_id& tenant, double weight); ///< > 0; 1 where none is set
  double weight(const tenant_id& tenant) const;
  void pause(const tenant_id& tenant, bool paused);
  bool is_paused(const tenant_id& tenant) const { return paused_.contains(tenant); }

  // ---- views

  /// Jobs of the key that could be taken now; those of class free only where it is open, or with `free_too`.
  std::size_t count(const batch_key& key, bool free_too = false) const;
  /// The oldest of the key's jobs that are next in their lanes; looks at 16 lanes per class.
  std::optional<job_id> oldest(const batch_key& key) const;
  /// 1 for the job that is served next; 0 when it does not wait (or is delayed). Exact inside a tenant; what other
  /// tenants have before it is foretold from weights. O(tenants of the class).
  std::size_t position(const job_id& id) const;
  std::size_t waiting(job_class c) const { return at(c).waiting; }
  /// When the oldest of them was made, to the second; nothing when none waits.
  std::optional<wall_time> oldest_made(job_class c) const { return at(c).ages.oldest(); }
  std::size_t waiting(job_class c, const tenant_id& tenant) const;
  /// Without keys of which all jobs are passed over.
  std::vector<std::pair<key_ptr, std::size_t>> waiting_by_key(job_class c) const;
  /// Of the tenants that wait and are not paused, at most `most` of those served next.
  std::vector<tenant_backlog> backlogs(std::size_t most) const;
  /// Jobs of class free by key and due time, rounded down to dues_step; those of paused tenants are left out.
  void for_each_due(const std::function<void(const batch_key&, wall_time, std::size_t)>& visit) const;
  /// When the first tenant of class free will be past its age; nothing when none waits or that is before `now`.
  std::optional<instant> next_aged_free(instant now) const;
  std::size_t keys(job_class c) const { return at(c).groups.size(); } ///< that its jobs have
  std::size_t tenants(job_class c) const { return at(c).accounts.size(); }
  double virtual_start(job_class c, const tenant_id& tenant) const; ///< 0: no account
  std::size_t delayed() const { return delayed_.size() + parked_; }
  std::size_t parked() const { return parked_; } ///< of these, without room in a retry budget
  /// Of the job's model, while it is parked.
  struct retry_figures {
    std::size_t running = 0, most = 0;
  };
  std::optional<retry_figures> parked_by(const job_id& id, instant now) const;
  std::size_t size() const { return jobs_.size(); }

private:
  struct place {
    lane* at = nullptr;
    wall_time due{};
    wall_time not_before{}; ///< not zero: it is in delayed_
    std::uint64_t theme = 0;
    std::uint32_t generation = 1, fence = 0;
    std::uint16_t attempts_used = 0, preempted = 0;
    bool has_deadline : 1 = false;
    bool next_turn : 1 = false;
    bool is_retry : 1 = false;
    bool is_parked : 1 = false;
    bool used() const { return at != nullptr; }
  };
  static_assert(sizeof(place) <= 48, "with its id, a job in the table is one cache line");

  class_queue& at(job_class c) { return classes_[static_cast<std::size_t>(c)]; }
  const class_queue& at(job_class c) const { return classes_[static_cast<std::size_t>(c)]; }
  queue_entry entry_from(const job_id& id, const place& p) const;
  static turn turn_of(const job_id& id, const place& p) { return {p.due, id, p.next_turn, p.theme}; }

  bool is_passed_over(job_class c, const tenant_id& tenant) const {
    return is_paused(tenant) || held_by(tenant, c).has_value();
  }
  void pass_over(const tenant_id& tenant);
  account& account_of(job_class c, const tenant_id& tenant);
  lane& lane_of(job_class c, const tenant_id& tenant, const key_ptr& key);
  void let_in(const job_id& id, place& p, instant now);
  void enqueue(lane& l, const turn& t, instant now);
  void dequeue(lane& l, const turn& t);
  void drop_if_empty(lane& l);
  void went_idle(account& a);
  void forget_idle(class_queue& c);

  void count_due(lane& l, const turn& t, int jobs);
  void note_due(lane& l);
  void link(lane& l);
  void unlink(lane& l);
  void relink(lane& l);
  void reorder(lane& l);
  void start_aging(account& a);
  void aging_anew(account& a, instant now);
  void stop_aging(account& a);
  void place_group(class_queue& c, key_group& g);
  void move_start(account& a, double to);
  void served(account& a, instant now, double gpu_s);
  turn most_alike(const lane& l, std::uint64_t theme) const;
  void fill_up(class_queue& c, std::vector<queue_entry>& taken, std::size_t most, std::uint64_t theme, instant now,
               double gpu_s);
  bool overtakes(const lane& l) const;
  queue_entry take_one(lane& l, turn t, instant now, double gpu_s);
  const lane* first_aged(const key_filter& served, instant now) const;
  const lane* first_lane(class_queue& c, const key_filter& served);
  const lane* first_owed(const key_filter& served) const;
  lane* fresh_first(key_group& g);

  queue_options options_;
  running_quota running_;
  job_table<place> jobs_;
  std::array<class_queue, classes> classes_;
  std::set<std::pair<wall_time, job_id>> delayed_;
  std::map<model_id, model_jobs> models_; ///< at most those of the configuration and of the ledger
  std::size_t parked_ = 0;
  std::map<tenant_id, double> weights_; ///< at most the tenants of the configuration
  std::set<tenant_id> paused_;          ///< likewise
  key_filter free_open_;                ///< empty: class free is not held back
  bool owed_ = false;
};

} // namespace reel
