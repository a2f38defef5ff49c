// policy.hpp: What decides in a simulation: the cluster's own scheduler core, or one of the baselines it is measured
// against. The simulation tells it what happens and carries out what it plans.
#pragma once

#include <deque>
#include <memory>

#include "src/reel-sim/arrivals.hpp"

namespace reel::sim {

using job_index = std::uint32_t;
using worker_index = std::uint32_t;

struct sim_worker {
  std::uint32_t fleet = 0;
  bool up = true;
};

/// What both sides look at; the simulation owns it.
struct world {
  const workload& load;
  const std::vector<arrivals::tenant>& tenants;
  std::deque<sim_job> jobs;
  std::vector<sim_worker> workers;
};

struct start_batch {
  worker_index worker = 0;
  std::vector<job_index> jobs;
  batch_id id;                 ///< the policy's own
  bool join = false;           ///< the batch that its worker runs
  std::int32_t until_step = 0; ///< handed over after so many steps; 0: to its end
};
struct sim_plan {
  std::vector<start_batch> starts;
  std::vector<batch_id> preempt;
  std::optional<std::int64_t> wake_at;
};
struct ended_batch {
  const start_batch& batch;
  std::vector<job_index> again; ///< of its jobs, those that did not end
  std::optional<ms> measured;   ///< of a whole run alone on its worker
  double peak_gb = 0;
  bool out_of_memory = false;
  bool preempted = false;
  std::optional<ms> used{}; ///< its part of its worker's time; nothing: it failed
  std::size_t together = 0; ///< jobs computed at once, where batches joined
  expert_measures experts{};
};

class policy {
public:
  virtual ~policy() = default;
  virtual void arrived(job_index job, std::int64_t now) = 0;
  virtual void cancelled(job_index job) = 0; ///< a waiting one
  virtual void worker_up(worker_index w, std::int64_t now) = 0;
  virtual void worker_down(worker_index w, std::int64_t now) = 0;
  virtual void ended(const ended_batch& e, std::int64_t now) = 0;
  /// It can join batches, stop them between two steps and go on from there. What cannot lets them run to their end.
  virtual bool runs_by_step() const { return false; }
  /// Steps that a batch's jobs have done, of how many.
  virtual void progressed(const batch_id& id, int step, int steps_total, std::int64_t now) {
    static_cast<void>(id), static_cast<void>(step), static_cast<void>(steps_total), static_cast<void>(now);
  }
  virtual sim_plan plan(std::int64_t now) = 0;
  /// Until the waiting job's end, as it is foretold now; nothing where nobody foretells.
  virtual std::optional<ms> eta(job_index job, std::int64_t now) const {
    static_cast<void>(job), static_cast<void>(now);
    return {};
  }
};

std::unique_ptr<policy> make_core_policy(world& w);

struct fixed_options {
  std::size_t batch = 1;
  ms window{0};
  bool by_class = false; ///< strict priority; otherwise first come, first served
};
std::unique_ptr<policy> make_fixed_policy(world& w, fixed_options o);

/// A job's id carries its index, scrambled so that tables see the ids they would see in life.
job_id id_of(job_index n, std::int64_t arrived_ms);
job_index index_of(const job_id& id);
waiting_job waiting_of(const world& w, job_index n);

} // namespace reel::sim
