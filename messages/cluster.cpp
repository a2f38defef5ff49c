#include "messages/cluster.hpp"

namespace reel {

std::string_view to_string(role r) {
  switch (r) {
  case role::node: return "node";
  case role::gateway: return "gateway";
  case role::scheduler: return "scheduler";
  case role::ledger: return "ledger";
  case role::objects: return "objects";
  case role::slots: return "slots";
  case role::worker: return "worker";
  case role::operations: return "operations";
  }
  return "unknown";
}

bool is_known(role r) { return to_string(r) != "unknown"; }

std::string_view to_string(peer_state s) {
  switch (s) {
  case peer_state::connecting: return "connecting";
  case peer_state::up: return "up";
  case peer_state::suspect: return "suspect";
  case peer_state::down: return "down";
  }
  return "unknown";
}

} // namespace reel
