// figures.hpp: What a simulation measured, and how it is printed.
#pragma once

#include <array>
#include <string>

#include "src/reel-sim/workload.hpp"

namespace reel::sim {

struct wait_figures {
  std::size_t jobs = 0; ///< that were started
  double p50_s = 0, p95_s = 0, p99_s = 0, most_s = 0;
};

/// How wrong the time until the end was foretold when a job came: |foretold - actual| / actual. Of a sample.
struct eta_figures {
  std::size_t jobs = 0;
  double p50 = 0, p90 = 0;
};

struct tenant_figures {
  std::string tenant;
  job_class cls = job_class::standard;
  double weight = 1;
  double gpu_s = 0;      ///< between warm-up and the end of arrivals
  double backlogged = 0; ///< part of that time in which it had jobs waiting
  wait_figures wait;
};

/// The state at one moment, for plots.
struct moment {
  double at_s = 0;
  std::array<std::size_t, 4> waiting{};
  double busy = 0; ///< part of the workers that are up
  std::array<double, 4> used_gpu_s{};
};

struct figures {
  std::string policy;
  std::size_t jobs = 0, succeeded = 0, cancelled = 0, batches = 0;
  std::size_t unfinished = 0;         ///< no worker could run them, or was there long enough
  double makespan_s = 0, bound_s = 0; ///< bound: no schedule can be faster
  double utilisation = 0;             ///< useful GPU-seconds / available, while work waits
  double videos_per_gpu_hour = 0;
  double mean_batch = 0;
  double mean_pass = 0;                   ///< jobs in a forward pass
  std::size_t joins = 0, joined_jobs = 0; ///< batches that joined a running one, and their jobs
  double theme_purity = 0; ///< part of the jobs beside the first of their batch that have its theme; 0: no themes
  std::array<wait_figures, 4> wait;
  wait_figures took;                   ///< from a job's arrival to its end
  std::array<double, 4> mean_took_s{}; ///< likewise, by class
  std::array<eta_figures, 4> eta;
  std::array<double, 4> longest_without_turn_s{}; ///< of any tenant with jobs waiting: what ageing bounds
  std::size_t deadlines = 0, deadline_misses = 0;
  double jain = 1;        ///< of GPU-seconds by weight, among tenants of one class that always had jobs waiting
  double share_error = 0; ///< of the same tenants: largest deviation from the share of its weight
  std::size_t fair_tenants = 0;
  std::size_t expert_loads = 0, handed_over = 0; ///< where experts take turns; jobs
  std::size_t preemptions = 0, out_of_memory = 0, workers_lost = 0;
  double wasted_gpu_s = 0;
  double used_gpu_s = 0;
  double decisions_per_s = 0; ///< batches planned per second of planning
  double bytes_per_waiting_job = 0;
  std::uint64_t trace_hash = 0;
  std::size_t most_waiting = 0;
  std::vector<tenant_figures> tenants;
  std::vector<moment> moments;
};

wait_figures wait_of(std::vector<float>& seconds); ///< sorts
eta_figures eta_of(std::vector<float>& errors);    ///< likewise

/// Jain's index and the largest deviation, over the tenants that were backlogged for 95 % of the time.
void judge_fairness(figures& f);

/// In quotes, with what JSON wants escaped.
std::string json_text(std::string_view text);

std::string to_text(const figures& f);
std::string to_json(const figures& f, bool with_tenants);

/// Three SVG pictures in the folder: queue, utilisation and shares over time. Throws on a folder that cannot be
/// written.
void write_plots(const figures& f, const std::string& folder);

} // namespace reel::sim
