// readiness.hpp: What speaks against a node's being ready, role by role: each can do its part only while those that it
// needs are there. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/storage/disk_guard.hpp"
#include "actors/supervisor/slots_metrics.hpp"
#include "messages/cluster.hpp"

namespace reel {

struct readiness_facts {
  std::optional<errc> ledger{};    ///< how it answered last; nothing: it is on another node
  std::optional<errc> scheduler{}; ///< likewise
  bool recovering = false;         ///< it reads the ledger, or does not lead
  std::optional<slots_state> slots{};
  std::optional<disk_space> disk{};                     ///< of a node with storage
  std::vector<std::pair<node_id, peer_state>> needed{}; ///< nodes that this one cannot do without
};

/// By who is in trouble.
inline std::map<std::string, std::string> against(const readiness_facts& f) {
  std::map<std::string, std::string> all;
  if (f.ledger && *f.ledger != errc::ok) all["ledger"] = to_string(*f.ledger);
  if (f.scheduler && *f.scheduler != errc::ok)
    all["scheduler"] = to_string(*f.scheduler);
  else if (f.scheduler && f.recovering)
    all["scheduler"] = "recovering";
  if (f.disk) {
    const auto space = judge(*f.disk, {});
    if (!space.for_granting)
      all["disk"] = "full: nothing is granted";
    else if (!space.for_accepting)
      all["disk"] = "nearly full: nothing new is accepted";
  }
  if (f.slots && f.slots->slots > 0 && f.slots->ready == 0 && f.slots->unwanted < f.slots->slots)
    all["workers"] = "none of " + std::to_string(f.slots->slots) + " is ready (" + std::to_string(f.slots->starting) +
                     " starting, " + std::to_string(f.slots->down) + " down, " + std::to_string(f.slots->ejected) +
                     " ejected)";
  for (const auto& [node, state] : f.needed)
    if (state != peer_state::up) all["link to " + node.value] = to_string(state);
  return all;
}

} // namespace reel
