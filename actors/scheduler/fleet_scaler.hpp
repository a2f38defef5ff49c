// fleet_scaler.hpp: How many workers each model would want, for the metric, and how many slots each worker node is to
// have a process in, within the bounds that its configuration gives it. Every worker serves every model, so the nodes
// are scaled for all models together.
//
// Pure value: never reads a clock. Owned by the scheduler.
#pragma once

#include <map>
#include <optional>

#include "actors/scheduler/autoscaler.hpp"
#include "messages/worker.hpp"

namespace reel {

struct fleet_options {
  scaling_options scaling;
  std::map<node_id, scaling_bounds> nodes; ///< slots of all worker nodes
};

class fleet_scaler {
public:
  static constexpr std::uint32_t workers_most = 4096; ///< of a model's metric: as many as one view can show

  explicit fleet_scaler(fleet_options o) : options_{std::move(o)} {}

  struct decision {
    std::map<model_id, std::uint32_t> by_model;
    std::uint32_t workers = 0;              ///< of all nodes that have reported
    std::map<node_id, std::uint32_t> slots; ///< of these, the ones whose number may change
  };

  /// Called about once a second, first when the nodes have had time to report: what they run then is kept for a while.
  decision update(const std::map<model_id, work_load>& work, const std::vector<worker_status>& workers, instant now);

private:
  fleet_options options_;
  std::map<model_id, autoscaler> models_; ///< those that have work, or had within the cooldown
  std::optional<autoscaler> all_;
};

/// A worker node that has reported.
struct scaled_node {
  node_id id;
  scaling_bounds bounds;     ///< without slots that were given up or are being stopped
  std::uint32_t running = 0; ///< slots that have a process
};

/// Which node is to run how many of the wanted workers: each its least, then those that it runs already, then what is
/// missing, in the order of the nodes. Never beyond a node's most.
std::map<node_id, std::uint32_t> share_out(std::uint32_t wanted, const std::vector<scaled_node>& nodes);

} // namespace reel
