// nemesis.hpp: Does to a cluster what a plan says, sees that it happened, takes it back, and writes the `nemesis`
// history. It is also the process manager that nodes are promised: one that ends with code 70 is started again.
//
// Owned by the run's thread. Everything it changed is taken back when run() returns.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <set>

#include "src/harness/local_cluster.hpp"
#include "src/reel-chaos/driver_faults.hpp"
#include "src/reel-chaos/history_file.hpp"
#include "src/reel-chaos/plan.hpp"
#include "src/reel-chaos/process_watch.hpp"

namespace reel::chaos {

/// One time that something was done.
struct fault_record {
  std::string name; ///< "kill-1"
  fault_spec spec;
  std::string target; ///< what was hit: a node's name, or "workers-1 process 4711"
  std::int64_t began_ns = 0, ended_ns = 0;
  std::string proof;   ///< empty: it did not happen
  std::string skipped; ///< why it could not be done; empty: it was
};

class nemesis {
public:
  nemesis(harness::local_cluster& cluster, driver_faults& drivers, history_file& out, std::uint64_t seed)
      : cluster_{cluster}, drivers_{drivers}, out_{out}, random_{seed} {}
  nemesis(const nemesis&) = delete;
  nemesis& operator=(const nemesis&) = delete;

  /// Returns when all is over: every process runs, and `lasts` have passed. What is under way ends early when all has
  /// begun and `nobody_waits`.
  void run(const std::vector<fault_spec>& faults, milliseconds lasts, const std::function<bool()>& nobody_waits);

  /// Starts nodes again that ended by themselves. To be called now and then after run().
  void look_after_nodes();

  /// Of what the clients did: their numbers are known when they have ended.
  void prove(const std::string& kind, const std::string& proof);

  const std::vector<fault_record>& records() const { return records_; }
  const std::vector<std::string>& surprises() const { return surprises_; } ///< ends of processes that nobody asked for
  int ends_with(int code) const {
    return own_ends_.contains(code) ? own_ends_.at(code) : 0;
  } ///< of nodes, by themselves
  std::uint64_t control_rss_most() const { return control_rss_most_; }

private:
  struct due_fault {
    std::chrono::steady_clock::time_point at;
    const fault_spec* spec = nullptr;
  };
  struct active_fault {
    std::size_t record = 0;
    std::chrono::steady_clock::time_point until;
    std::vector<std::string> nodes;  ///< that it is about
    std::vector<int> paused;         ///< pids
    std::vector<std::string> down;   ///< nodes that are to be started again
    std::vector<std::string> ending; ///< nodes that were told to stop and have not ended yet
    std::vector<int> limited;        ///< pids
    std::unique_ptr<control_group> group;
  };

  void begin(const fault_spec& spec);
  void begin_kill(fault_record& r, active_fault& a);
  void begin_pause(fault_record& r, active_fault& a);
  void begin_limit(fault_record& r, active_fault& a);
  void begin_memory(fault_record& r, active_fault& a);
  std::string obstacle_to(const fault_spec& spec) const;
  void end_processes(fault_record& r, active_fault& a);
  bool may_end_now();
  bool go_on(active_fault& a); ///< true when it is over
  void end(active_fault& a);

  std::vector<int> any_worker(const std::string& node);
  std::vector<std::string> targets_of(const std::string& target);
  std::vector<std::string> idle_nodes() const; ///< that run and that nothing is done to
  std::vector<int> pids_of(const std::string& node) const;

  harness::local_cluster& cluster_;
  driver_faults& drivers_;
  history_file& out_;
  std::mt19937_64 random_;
  std::vector<fault_record> records_;
  std::vector<active_fault> active_;
  std::set<std::string> touched_; ///< nodes that something is done to
  std::vector<std::string> surprises_;
  std::chrono::steady_clock::time_point ended_by_fault_until_{};
  std::map<int, int> own_ends_; ///< how often, by exit code
  std::uint64_t control_rss_most_ = 0;
  int numbers_ = 0;
};

} // namespace reel::chaos
