// workload.hpp: What reel-sim simulates: models, shapes, a fleet of workers, streams of jobs. Read from TOML; the
// format is shown with comments in cluster-configs/sim/. Plain values.
#pragma once

#include <optional>

#include "actors/scheduler/scheduler_core.hpp"
#include "runtime/config.hpp"

namespace reel::sim {

using ms = std::chrono::milliseconds;

/// Of virtual time zero: midnight in UTC.
constexpr wall_time wall_start{ms{1'699'920'000'000}};

/// What a model really costs, for its reference shape; and how wrong the scheduler's first belief is.
struct model_truth {
  model_id id;
  std::int32_t width = 0, height = 0, frames = 0, steps = 0; ///< the reference shape
  prior_curve seconds;
  prior_curve peak_gb;
  double weights_gb = 0; ///< the part of the peak that does not depend on the shape
  std::size_t batch_max = 8;
  double believed_seconds = 1; ///< the prior is this times the truth; 0: no prior
  double believed_peak = 1;
  ms cold_start{0}; ///< on a worker that ran another model
  // Of two experts that take turns on the device; without `expert_load` both stay there.
  ms expert_load{0};           ///< to bring one
  std::int32_t high_steps = 0; ///< of the reference shape's, those before the experts change
  ms hand_over{0};             ///< of one job between two workers: half of it on each
  std::int32_t high_steps_of(const batch_key& key) const { return high_steps * key.steps / steps; }
};

struct shape {
  std::string id;
  std::size_t model = 0; ///< index
  batch_key key;
  double work = 1;   ///< beside the model's reference
  double volume = 1; ///< likewise
};

struct fleet {
  std::string id;
  std::uint32_t count = 0;
  double memory_gb = 80;
  double speed = 1;
  std::uint32_t credits = 2; ///< batches that a worker takes at once
  ms lost_every{0};          ///< mean time between losses of one worker; 0: never
  ms back_after{0};
  ms notice{0}; ///< of a loss, before it; 0: none
};

/// One source of jobs.
struct stream {
  std::string id;
  job_class cls = job_class::standard;
  std::uint32_t tenants = 1;
  double zipf = 0;            ///< exponent of the tenants' shares of the jobs; 0: equal
  double weight = 1;          ///< of its first tenant in the fair shares
  double weight_last = 1;     ///< of its last one; between in equal steps
  double per_hour = 0;        ///< jobs, on average; scaled when the workload has a load
  std::uint32_t at_start = 0; ///< jobs that are there at time zero
  double daily_swing = 0;     ///< 0: even; 1: from nothing to twice the mean, over 24 h
  double burst_factor = 1;
  ms burst_every{0}, burst_length{0};
  std::vector<std::size_t> shapes;
  std::vector<double> shape_shares;
  std::uint32_t themes = 0; ///< templates of its prompts; 0: they have none
  ms deadline{0};           ///< after arrival; 0: none
  double cancelled = 0;     ///< part of the jobs
  ms cancelled_after{0};    ///< mean
};

struct workload {
  std::string name;
  ms duration{0};      ///< jobs arrive; then the queue drains
  ms warm_up{0};       ///< fairness is measured from then to the end of arrivals
  double load = 0;     ///< offered work at best batch efficiency / capacity; 0: rates as given
  double noise = 0.02; ///< of run times, relative standard deviation
  double peak_noise = 0.005;
  ms save_time{1000};          ///< of a preempted batch
  std::size_t fixed_batch = 4; ///< of the baselines
  ms fixed_window{500};
  bool preempt = true;
  bool join = true;  ///< jobs may join running batches
  bool theme = true; ///< alike prompts share batches
  pipeline_mode pipeline = pipeline_mode::automatic;
  off_peak_windows off_peak; ///< time zero is wall_start
  double free_margin = 0.1;
  std::array<std::chrono::seconds, 4> age_after = queue_options{}.age_after;
  std::vector<model_truth> models;
  std::vector<shape> shapes;
  std::vector<fleet> fleets;
  std::vector<stream> streams;

  double seconds(const shape& s, std::size_t jobs, const fleet& f) const {
    return models[s.model].seconds.at(jobs) * s.work / f.speed;
  }
  double peak_gb(const shape& s, std::size_t jobs) const {
    const auto& m = models[s.model];
    return m.weights_gb + (m.peak_gb.at(jobs) - m.weights_gb) * s.volume;
  }
  std::size_t fits(const shape& s, const fleet& f) const; ///< largest batch; 0: none
  double best_rate(const shape& s, const fleet& f) const; ///< jobs per second of one worker
  /// GPU-seconds of a job on the fleet that is best at it, and what all workers amount to in workers of that kind: no
  /// schedule can be faster.
  double least_work(const shape& s) const;
  double capacity() const;
};

/// Throws config_error.
workload read_workload(const std::string& file);
workload parse_workload(std::string_view toml, const std::string& name);

/// Sets the streams' rates so that they make the load that is asked for.
void scale_to_load(workload& w);

scheduler_options scheduler_options_of(const workload& w);

} // namespace reel::sim
