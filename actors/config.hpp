// config.hpp: The configuration of a cluster, as every node, reelctl and reel-bench read it: one TOML file for all
// machines, in which each node finds itself by name. Every key is explained in cluster-configs/local.toml.
//
// Relative paths are relative to the file's folder, except those that default into `data_dir`. A wrong key or value
// throws config_error with file, line and what is allowed; nothing starts half-configured.
#pragma once

#include <map>
#include <set>

#include "actors/delivery/delivery_plan.hpp"
#include "actors/delivery/webhook_target.hpp"
#include "actors/gateway/api/model_profile.hpp"
#include "actors/scheduler/autoscaler.hpp"
#include "actors/scheduler/job_queue.hpp"
#include "actors/scheduler/memory_model.hpp"
#include "actors/scheduler/off_peak.hpp"
#include "actors/scheduler/pipeline_mode.hpp"
#include "actors/storage/ledger.hpp"
#include "actors/supervisor/progress_watch.hpp"
#include "actors/supervisor/recovery_policy.hpp"
#include "actors/worker/renderer.hpp"
#include "messages/cluster.hpp"
#include "runtime/config.hpp"

namespace reel {

enum class node_role { gateway, scheduler, storage, workers };
std::string to_string(node_role r);

struct node_config {
  node_id id;
  std::set<node_role> roles;
  std::string listen; ///< "tcp://IPv4:port": bound here, and dialled by the other nodes; empty: this node only dials
  int slots = 0;      ///< worker processes at most, with the workers role
  int slots_min = 0;  ///< and at least: as many as there is work for in between
  bool preemptible = false;     ///< the machine may be taken away at short notice
  bool fault_injection = false; ///< a plan of faults may be installed (runtime/fault/fault_plan.hpp)
  /// Where its /metrics, /healthz and /readyz are: loopback unless told otherwise; port 0: any free one; no address:
  /// nowhere.
  std::string observe_address = "127.0.0.1";
  std::uint16_t observe_port = 0;
  bool has(node_role r) const { return roles.contains(r); }
};

struct gateway_config {
  std::string address; ///< to bind; loopback unless told otherwise
  std::uint16_t port = 8080;
  int threads = 1;
  std::string tenants_file;
};

struct storage_config {
  std::string ledger_file;
  std::size_t cache_kib = 4096;
  std::uint64_t ballast_bytes = 64u << 20;
  std::string objects_dir;
  int object_threads = 4;
  std::chrono::milliseconds sweep_every{};
  std::chrono::milliseconds orphan_age{};
  std::uint64_t queued_jobs_max = 1'000'000;
  std::chrono::milliseconds gpu_estimate{};
};

struct webhooks_config {
  std::vector<ip_network> allow_networks; ///< beside public addresses
  delivery_pace pace;
  std::chrono::milliseconds timeout{};
  std::size_t threads = 16;
};

struct scheduler_config {
  std::chrono::milliseconds window{};
  std::chrono::milliseconds prefetch_horizon{};
  std::chrono::milliseconds lease_ttl{};
  std::chrono::milliseconds renew_every{};
  recovery_options recovery;
  bool join = true;    ///< jobs may join running batches
  bool preempt = true; ///< urgent jobs pause batches of lower classes
  std::chrono::milliseconds preempt_patience{};
  std::map<tenant_id, double> weights; ///< shares of GPU-seconds inside a class; 1 where there is none
  bool theme = true;                   ///< alike prompts share batches
  off_peak_windows off_peak;           ///< none: class free runs whenever its turn comes
  double free_margin = 0.1;            ///< part of the workers that class free leaves idle in peak hours
  queue_options queue;
  std::chrono::milliseconds cold_start{};
  pipeline_mode pipeline = pipeline_mode::automatic;
  scaling_options scaling;
  std::chrono::milliseconds breaker_open{};  ///< the first time; up to ten times as long
  std::chrono::milliseconds degrade_after{}; ///< of trouble with a model, its fallback stands in
  std::chrono::milliseconds degrade_wait{};  ///< for a model, in an overload
};

struct workers_config {
  std::uint32_t credits = 2;
  std::string program; ///< reel-worker; empty: beside reel-node
  std::chrono::milliseconds drain_time{};
  progress_watch::options progress;           ///< of its processes
  std::chrono::milliseconds keep_warm{};      ///< idle for so long: an empty inference; 0: none
  std::chrono::milliseconds null_step_time{}; ///< what a null model takes for a step
  double checkpoint_cost = 0;                 ///< part of the time that running batches may be saved for; 0: never
};

struct model_config_entry {
  model_profile profile;
  renderer_options renderer;
  std::string tokenizer_file; ///< empty: none
  int text_len = 512;
  std::size_t batch_max = 8;
  std::optional<cost_prior> cost;     ///< of the default shape
  std::optional<memory_prior> memory; ///< likewise
  std::optional<model_id> fallback;   ///< stands in for it
};

struct cluster_config {
  std::string file;
  std::string name;
  std::string data_dir;
  std::string keys_dir;
  std::string log_level;
  int threads = 1;                           ///< of the actor system
  std::chrono::milliseconds restart_pause{}; ///< before actors and worker processes that ended are started again
  std::vector<node_config> nodes;
  gateway_config gateway;
  storage_config storage;
  webhooks_config webhooks;
  scheduler_config scheduler;
  workers_config workers;
  std::vector<model_config_entry> models; ///< at least one; the first is the default

  /// Null when there is no such node.
  const node_config* node(const node_id& id) const;
  /// The first node with the role; the file is refused without one.
  const node_config& node_with(node_role r) const;
};

/// `data_dir` given here overrides the file's. What only one machine has to have, the checkpoints of its workers, is
/// checked for the node `self` alone.
/// `seen`: gets every value with the line that it is on, or 0 for a default.
cluster_config read_cluster_config(const std::string& file, const std::string& data_dir = {}, const node_id& self = {},
                                   std::vector<config_value>* seen = nullptr);

} // namespace reel
