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

  std::vector<int> worker_pids() const; ///< of running worker processes
  std::vector<int> all_pids() const;    ///< nodes and workers
  int control_pid() const { return nodes_.at("control").pid(); }

private:
  void run(const std::vector<std::string>& command);
  void write_config();

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
