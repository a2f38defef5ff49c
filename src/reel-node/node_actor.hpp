// node_actor.hpp: Answers what operators ask about this node itself.
#pragma once

#include "actors/config.hpp"
#include "actors/protocols.hpp"
#include "runtime/cluster/hub.hpp"

namespace reel {

class node_actor {
public:
  using interface = node_ref;
  static constexpr const char* name = "node";

  node_actor(interface::pointer, const hub* cluster, node_config self, node_epoch epoch, std::vector<node_config> all)
      : cluster_{cluster}, self_{std::move(self)}, epoch_{epoch}, all_{std::move(all)} {}

  interface::behavior_type make_behavior() {
    return {[this](const describe_nodes&) { return on_describe_nodes(); }};
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

  const hub* cluster_;
  node_config self_;
  node_epoch epoch_;
  std::vector<node_config> all_;
};

} // namespace reel
