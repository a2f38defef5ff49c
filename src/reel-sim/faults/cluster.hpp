// cluster.hpp: A simulated cluster: one control node and some worker nodes, the links between them, the disks and
// devices that outlive their processes, and what faults can do to all of it.
#pragma once

#include "src/reel-sim/faults/control_node.hpp"
#include "src/reel-sim/faults/worker_node.hpp"

namespace reel::faultsim {

class cluster {
public:
  cluster(const plan& p, event_queue& events, history_log& log, defect broken);
  ~cluster(); ///< processes before what they stand on
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  std::size_t nodes() const { return nodes_.size(); }
  std::size_t workers() const { return nodes_.size() * slots_; }
  network& net() { return net_; }
  ledger_disk& disk() { return disk_; }
  video_store& videos() { return videos_; }
  control_node* control() { return control_.get(); } ///< null: it is down
  process_id control_process() const { return control_process_; }
  process_id node_process(std::size_t node) const { return nodes_[node].process; }
  slot_place& place(std::size_t worker) { return nodes_[worker / slots_].places[worker % slots_]; }

  // ---- processes; false: it was not there
  bool kill_control();
  void start_control();
  bool kill_node(std::size_t node);
  void start_node(std::size_t node);
  bool kill_worker(std::size_t worker);
  bool has_worker(std::size_t worker) const;

  /// Which prompts take down the process that computes them.
  std::function<bool(const job_id&)> is_poison = [](const job_id&) { return false; };

  std::vector<std::string>& failures() { return failures_; } ///< promises that were seen broken on the way
  std::uint64_t leases_expired() const { return leases_expired_; }

private:
  struct node_place {
    node_id id;
    process_id process = 0;
    std::vector<slot_place> places;
    std::unique_ptr<worker_node> node;
    std::uint64_t lives = 0;
  };
  void broke(std::string what);
  void on_lease_expired(const supervised_batch& b);

  const plan& plan_;
  event_queue& events_;
  history_log& log_;
  const defect broken_;
  const std::size_t slots_;
  std::vector<std::string> failures_;
  static constexpr std::size_t failures_most = 20;
  std::uint64_t leases_expired_ = 0;
  process_id control_process_;
  std::vector<node_place> nodes_;
  network net_;
  ledger_disk disk_;
  video_store videos_;
  std::unique_ptr<control_node> control_;
};

} // namespace reel::faultsim
