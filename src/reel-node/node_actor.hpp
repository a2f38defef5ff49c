// node_actor.hpp: Answers what operators ask about this node itself, and passes their notices on to worker nodes.
#pragma once

#include "actors/config.hpp"
#include "actors/protocols.hpp"
#include "runtime/cluster/hub.hpp"

namespace reel {

class node_actor {
public:
  using interface = node_ref;
  static constexpr const char* name = "node";

  /// `slots`: of the worker nodes that it can reach.
  node_actor(interface::pointer actor, const hub* cluster, node_config self, node_epoch epoch,
             std::vector<node_config> all, std::map<node_id, slots_ref> slots)
      : actor_{actor}, cluster_{cluster}, self_{std::move(self)}, epoch_{epoch}, all_{std::move(all)},
        slots_by_node_{std::move(slots)} {}

  interface::behavior_type make_behavior() {
    return {
        [this](const describe_nodes&) { return on_describe_nodes(); },
        [this](const evict_node& m) { return on_evict_node(m); },
    };
  }

private:
  nodes_view on_describe_nodes() const {
    nodes_view view{self_.id, {}};
    auto peers = cluster_->peers();
    for (const auto& n : all_) {
      node_status status;
      if (n.id == self_.id) status = {n.id, epoch_, peer_state::up, {}, {}, 0, 0, 0};
      for (const auto& p : peers)
        if (p.id == n.id) status = p;
      status.id = n.id;
      status.endpoint = n.listen;
      for (auto r : n.roles) status.roles.push_back(to_string(r));
      view.nodes.push_back(std::move(status));
    }
    return view;
  }

  caf::result<done> on_evict_node(const evict_node& m) const {
    auto found = slots_by_node_.find(m.node);
    if (found == slots_by_node_.end()) return act::error_of(errc::not_found);
    return actor_->delegate(found->second, m);
  }

  interface::pointer actor_;
  const hub* cluster_;
  node_config self_;
  node_epoch epoch_;
  std::vector<node_config> all_;
  std::map<node_id, slots_ref> slots_by_node_;
};

} // namespace reel
