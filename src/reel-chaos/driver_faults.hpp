// driver_faults.hpp: The faults of a plan that need something between or below the processes: proxies in their links, a
// small library before their clock and their syncs, file systems of their own, points in their code, models that fail.
// What a plan asks for is put in place before the cluster starts; afterwards faults begin and end. Also the receiver of
// the webhooks, which answers as it is told.
//
// Owned by the run's thread; outlives the cluster.
#pragma once

#include <map>
#include <memory>

#include "src/chaos/drivers.hpp"
#include "src/chaos/link_proxy.hpp"
#include "src/harness/local_cluster.hpp"
#include "src/reel-chaos/plan.hpp"
#include "src/reel-chaos/webhook_receiver.hpp"

namespace reel::chaos {

class driver_faults {
public:
  /// `dir`: for what the drivers need of files.
  driver_faults(const plan& p, const std::string& dir, std::uint64_t seed);
  driver_faults(const driver_faults&) = delete;
  driver_faults& operator=(const driver_faults&) = delete;

  /// Has the cluster go through it all.
  void prepare(harness::cluster_plan& c) const;

  static bool is_one(const fault_spec& f);
  std::string obstacle_to(const fault_spec& f) const; ///< why it cannot be done here; empty: it can

  /// Whether processes may end by themselves now: they are told to, or they cannot keep their promise.
  bool ends_processes() const;

  void begin(const fault_spec& f, const std::string& name);
  /// What was seen of it; empty: nothing.
  std::string end(const fault_spec& f, const std::string& name);

  /// Null: no job has a webhook.
  webhook_receiver* receiver() const { return receiver_.get(); }

private:
  std::vector<std::string> nodes_of(const fault_spec& f) const;
  void begin_link(const fault_spec& f, const std::string& name);
  std::string end_link(const fault_spec& f, const std::string& name);
  void begin_shim(const fault_spec& f);
  std::string end_shim(const fault_spec& f);
  void write_points() const;
  std::string end_point(const std::string& name);
  std::string file_of(const fault_spec& f) const; ///< while it is there, the model fails

  const plan& plan_;
  const std::string dir_;
  std::uint16_t link_port_ = 0; ///< of the control node, behind the proxies; 0: there are none
  std::map<std::string, std::unique_ptr<link_proxy>> proxies_; ///< by worker node
  std::map<std::string, std::unique_ptr<shim>> shims_;         ///< by node
  std::map<std::string, std::unique_ptr<small_disk>> disks_;   ///< "ledger", "objects"
  std::map<std::string, std::uint64_t> seen_; ///< what proxies had done when a fault began, by its name
  std::map<std::string, fault_spec> points_;  ///< faults at points that are on
  bool has_points_ = false;
  std::unique_ptr<webhook_receiver> receiver_;
  int failing_syncs_ = 0;                        ///< faults that are on
  std::map<std::string, std::string> obstacles_; ///< by kind of fault
};

} // namespace reel::chaos
