// cluster.hpp: Roles, and what nodes say about themselves.
#pragma once

#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

/// What can be addressed on another node. Values are sent: never renumber.
enum class role : std::uint8_t {
  node = 0,       ///< every process: heartbeats, status
  gateway = 1,    ///< HTTP
  scheduler = 2,  ///< queue, batches, batch supervisors
  ledger = 3,     ///< job rows
  objects = 4,    ///< videos
  slots = 5,      ///< GPU slots of a node
  worker = 6,     ///< the worker process itself, on the local link only
  operations = 7, ///< commands to the scheduler that gateways pass on
};
std::string_view to_string(role r);
bool is_known(role r);

enum class peer_state : std::uint8_t { connecting = 0, up = 1, suspect = 2, down = 3 };
std::string_view to_string(peer_state s);

/// For `reelctl nodes`: one node's view of the cluster.
struct describe_nodes {
  bool operator==(const describe_nodes&) const = default;
};
struct node_status {
  node_id id;
  node_epoch epoch; ///< 0: never seen
  peer_state state = peer_state::connecting;
  std::vector<std::string> roles; ///< as configured: gateway, scheduler, storage, workers
  std::string endpoint;           ///< where it listens; empty: it dials
  std::uint64_t silent_ms = 0;    ///< since its last frame
  std::uint64_t frames_sent = 0, frames_received = 0;
  bool operator==(const node_status&) const = default;
};
struct nodes_view {
  node_id self;
  std::vector<node_status> nodes;
  bool operator==(const nodes_view&) const = default;
};

} // namespace reel
