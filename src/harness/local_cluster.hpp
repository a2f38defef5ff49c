// local_cluster.hpp: A cluster of real processes on this machine, for integration tests and benchmarks: writes a
// configuration and secrets into a folder, starts the nodes, kills and restarts them, stops all.
//
// Owned by one thread. Everything it starts is killed with it.
#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/harness/process.hpp"

namespace reel::harness {

struct cluster_plan {
  std::string dir;                ///< emptied first
  std::string bin;                ///< folder of reel-node, reel-worker and reelctl
  std::string models;             ///< [[model]] tables
  std::string more;               ///< further tables, for example "[scheduler]\n..."
  int slots = 2;                  ///< worker processes of each worker node
  std::optional<int> slots_min{}; ///< of each; none: all
  int worker_nodes = 1;           ///< "workers-1", ...
  std::size_t queued_jobs_max = 1'000'000;
  std::string fault_plan{};                  ///< file of faults that every node installs; empty: none
  std::vector<std::string> tenant_options{}; ///< further ones of `reelctl tenant-add`
  std::vector<std::string> more_tenants{};   ///< beside "test", with the same options
  bool webhook_secrets = false;              ///< every tenant gets one
  std::string restart_pause = "1s";          ///< of actors and worker processes

  // What stands between the processes, for fault injection.
  std::uint16_t link_port = 0;                              ///< of the control node; 0: a free one
  std::map<std::string, std::uint16_t> dial_ports{};        ///< where a worker node dials instead, on 127.0.0.1
  std::map<std::string, std::vector<std::string>> run_by{}; ///< command to put before a node's own
};

class local_cluster {
public:
  /// Writes everything and starts all nodes, "control" and the worker nodes. Throws when they do not become ready
  /// within a minute.
  explicit local_cluster(const cluster_plan& plan);
  local_cluster(const local_cluster&) = delete;
  local_cluster& operator=(const local_cluster&) = delete;

  const std::string& url() const { return url_; }
  const std::string& api_key() const { return key_; }
  std::string key_of(const std::string& tenant) const; ///< one of more_tenants
  std::string webhook_secret_file(const std::string& tenant) const;
  const std::string& dir() const { return plan_.dir; }
  const std::string& config() const { return config_; } ///< of reelctl's cluster commands
  std::uint16_t port() const { return port_; }

  void start(const std::string& node);
  void kill(const std::string& node); ///< SIGKILL, and waits for its end
  /// Tells it to stop, and waits; the exit code, 128+n for a signal.
  int stop(const std::string& node, int signal = SIGTERM);
  int wait(const std::string& node); ///< for its end, which somebody else has asked for
  void wait_until_ready();           ///< the gateway answers and the slots that every node starts are ready
  /// What it prints, with the tenant's key and this cluster; throws when it fails.
  std::string reelctl(std::vector<std::string> arguments);

  std::vector<std::string> nodes() const; ///< "control" first
  bool is_running(const std::string& node) const { return !nodes_.at(node).ended(); }
  int pid_of(const std::string& node) const { return nodes_.at(node).pid(); }
  void signal(const std::string& node, int number) { nodes_.at(node).signal(number); }

  std::vector<int> worker_pids(const std::string& node = "workers-1") const; ///< of running worker processes
  std::vector<int> all_pids() const;                                         ///< nodes and workers
  int control_pid() const { return nodes_.at("control").pid(); }

private:
  void run(const std::vector<std::string>& command);
  void add_tenant(const std::string& name, const std::string& key_file);
  void write_config(const std::string& file, std::uint16_t dial_port) const;
  std::string config_of(const std::string& node) const;

  cluster_plan plan_;
  std::string config_, url_, key_;
  std::uint16_t port_ = 0, link_port_ = 0;
  std::map<std::string, process> nodes_;
};

/// A port that was free a moment ago.
std::uint16_t free_port();

/// A [[model]] table of kind null.
std::string null_model(std::size_t artifact_bytes, int batch_max);

} // namespace reel::harness
