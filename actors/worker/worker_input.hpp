// worker_input.hpp: What a node tells a worker process on its standard input, as one JSON object: who it is, where to
// connect, and which models to load. Not in argv or the environment, because the token is a secret.
#pragma once

#include <string>
#include <string_view>

#include "actors/worker/renderer.hpp"

namespace reel {

struct worker_input {
  worker_id id;
  node_id local_peer;   ///< its name on the local link
  std::string endpoint; ///< of the node, "ipc://..."
  std::string token;
  std::string log_level = "info";
  std::string log_file;
  std::string black_box_file;                  ///< of black_box; empty: none
  std::chrono::milliseconds keep_warm{0};      ///< see worker_options
  std::chrono::milliseconds null_step_time{0}; ///< see null_renderer
  double checkpoint_cost = 0;                  ///< see checkpoint_cadence; 0: no checkpoints
  std::string fault_plan, fault_folder;        ///< of fault::installation; empty: no faults
  std::vector<renderer_options> models;
};

/// The node's own name on every local link.
inline const node_id local_parent{"node"};

std::string to_json(const worker_input& in);
/// Throws std::runtime_error; the text never contains the token.
worker_input parse_worker_input(std::string_view json);

} // namespace reel
