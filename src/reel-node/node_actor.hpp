// node_actor.hpp: Answers what operators ask about this node itself, and passes on their questions about the history of
// jobs to whoever reads it here.
#pragma once

#include "actors/config.hpp"
#include "actors/protocols.hpp"
#include "runtime/cluster/hub.hpp"
#include "src/reel-node/history_actor.hpp"

namespace reel {

/// What operators may ask a node.
using operator_protocol = extended<node_protocol, history_page(read_history)>;

class node_actor {
public:
  using interface = act::ref<operator_protocol>;
  static constexpr const char* name = "node";

  /// `history`: null where no ledger is.
  node_actor(interface::pointer actor, const hub* cluster, node_config self, node_epoch epoch,
             std::vector<node_config> all, history_ref history)
      : actor_{actor}, cluster_{cluster}, self_{std::move(self)}, epoch_{epoch}, all_{std::move(all)},
        history_{std::move(history)} {}

  interface::behavior_type make_behavior() {
    return {
        [this](const describe_nodes&) { return on_describe_nodes(); },
        [this](const read_history& m) { return on_read_history(m); },
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

  caf::result<history_page> on_read_history(const read_history& m) const {
    if (!history_) return act::error_of(errc::unsupported);
    return actor_->delegate(history_, m);
  }

  interface::pointer actor_;
  const hub* cluster_;
  node_config self_;
  node_epoch epoch_;
  std::vector<node_config> all_;
  history_ref history_;
};

} // namespace reel
