// plan.hpp: What a run does: which cluster, which load, which faults, and what must hold afterwards. Read from TOML;
// every key is explained in cluster-configs/chaos/worker-killed.toml. Values.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "src/chaos/link_proxy.hpp"

namespace reel::chaos {

using std::chrono::milliseconds;

/// One entry of a plan; may happen several times.
struct fault_spec {
  std::string kind;     ///< kill, pause, stop, limit, memory, refused, cancels; the others: driver_faults.hpp
  std::string target;   ///< worker, node, control, all, or a node's name; of `fails` a model's
  milliseconds at{};    ///< after the faults begin
  milliseconds lasts{}; ///< how long a process stays down or paused
  milliseconds every{}; ///< from one time to the next
  int times = 1;
  std::string effect;    ///< what the ledger has to show of it: "release lease_expired"; empty: nothing
  bool may_miss = false; ///< drawn by chance: without proof it is skipped, not vacuous

  // limit
  int files_more = 0;           ///< than are open; 0: no such limit
  std::uint64_t file_bytes = 0; ///< no file becomes larger; 0: no such limit
  // memory
  std::uint64_t memory_kib = 0;
  // link
  std::string direction = "both"; ///< to_control, from_control
  link_proxy::conditions link;
  bool reset = false; ///< every connection, at once
  // clock, sync
  std::chrono::seconds shift{};
  double drift_ppm = 0;
  bool sync_fails = false;
  milliseconds sync_delay{};
  std::string path; ///< only files with this in their path
  // point (runtime/fault/fault_plan.hpp)
  std::string point, action, marker;
  double probability = 1;
  std::int64_t most = 0, size_min = 0;
  milliseconds point_delay{};
  std::string answer; ///< of the webhooks' receiver (webhook_receiver.hpp)
};

struct cluster_spec {
  int worker_nodes = 2;
  int slots = 2; ///< of each
  int tenants = 3;
  int batch_max = 4;
  milliseconds step_time{50};
  std::size_t artifact_bytes = 4096;
  std::uint64_t queued_jobs_max = 1'000'000; ///< of each tenant
  std::uint64_t disk_mib = 160;              ///< of each small disk that a fault fills: the stores keep 64 of it free
  std::string models; ///< [[model]] tables, the first is asked for; empty: one that computes nothing
  std::string more;   ///< further keys of [workers], then further tables, of the cluster's file
};

struct load_part {
  int jobs = 100;
  int clients = 8;
  milliseconds spread{}; ///< over which the jobs are submitted; 0: baseline and faults
  int cancel_percent = 0, poison_percent = 0, keep_model_percent = 0;
  int steps_least = 4, steps_most = 12;
  std::vector<std::string> classes;
  bool webhooks = false; ///< every job has one
};

struct bounds_spec {
  milliseconds drain{60'000};
  milliseconds again_after_worker{}; ///< after a killed worker its jobs run again within this; 0: not judged
  milliseconds
      again_after_control{}; ///< after the control node was killed somebody is granted work within this; likewise
  milliseconds degrade_after{30'000};   ///< as the cluster is configured: before, no breaker lets the fallback stand in
  int good_throughput_percent = 0;      ///< of what was done before the faults; 0: not judged
  int retries_percent = 0;              ///< of all jobs that have not ended; 0: not judged
  std::uint64_t control_memory_mib = 0; ///< at most, all the time; 0: not judged
  std::uint64_t degraded_least = 0;     ///< jobs that ended on their model's fallback
  int unknown_submits_permille = 200;   ///< every one is repeated until it is known
  std::vector<std::string> expect;      ///< what has to be seen after the faults began: ledger_log.hpp, "exit 70"
  std::vector<std::string> forbid;      ///< likewise, what may not be seen of the ledger
  std::vector<std::string> check;       ///< further arguments of reel-check
};

struct plan {
  std::string name; ///< of the file, without its ending
  std::string title;
  std::vector<std::int64_t> rows; ///< of the catalogue (reliability.md, section 3)
  cluster_spec cluster;
  load_part load;
  milliseconds baseline{3000}, faults_for{10'000};
  std::vector<fault_spec> faults;
  bool quick = false;    ///< part of the quick suite
  int random_faults = 0; ///< so many more, drawn by the seed, three and more at the same time
  bounds_spec bounds;
};

/// Throws config_error that names file, line, key, value and what is allowed.
plan read_plan(const std::string& file);

/// Repeats the faults until that time is over, with as much more load.
void last_for(plan& p, milliseconds faults_for);

/// Adds the drawn ones: of every driver, three and more at the same time (random_faults.cpp).
void draw_faults(plan& p, std::uint64_t seed);

/// How many of the faults are under way at the same time, at most.
int most_at_once(const std::vector<fault_spec>& faults);

/// All plans of a folder, by name.
std::vector<plan> read_plans(const std::string& folder);

} // namespace reel::chaos
