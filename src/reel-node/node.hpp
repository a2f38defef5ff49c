// node.hpp: One process of the cluster, wired by hand: the roles its [[node]] entry names, the link to the other
// nodes, and, with the workers role, the local link to its worker processes. node_parts.hpp shows all parts of a node;
// node.cpp puts them together, role by role in node_*.cpp.
//
// Owned by main(), used by its thread. start() throws std::runtime_error with a text for the operator (keys missing,
// port taken, ledger locked); what was started is stopped by the destructor.
#pragma once

#include <memory>

#include "actors/config.hpp"

namespace reel {

class node {
public:
  /// Both may be called from any thread.
  struct notices {
    std::function<void(const std::string& why)> give_up; ///< the node cannot go on and should exit with code 70
    std::function<void()> evict;                         ///< an operator wants evict() called
  };
  node(const cluster_config& config, const node_config& self, notices tell);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  void start();

  /// Refuses new work, lets running batches end (at most the configured time), and ends everything in order.
  void stop();

  /// The machine is about to be taken away: running batches are paused and their work is kept. Before stop(), which is
  /// then done within 30 s, or while it waits in another thread.
  void evict();

  /// Reads again what can be while the node runs: the tenants file, for who may use the gateway and how. A file that is
  /// wrong changes nothing and is logged. It may also be called often: a file that is as it was is not read.
  void reload();

  /// While stop() waits in another thread: no more patience with running batches.
  void hurry();

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace reel
