// fault_setup.hpp: Whether a node may have faults injected, and how it is done. For main().
#pragma once

#include "actors/config.hpp"

namespace reel {

/// Installs the plan in this process, which hands it on to its workers. Throws config_error where the configuration
/// does not allow it, where the node can be reached from other machines, or where the plan is wrong.
void install_fault_plan(const std::string& plan_file, const cluster_config& config, const node_config& self);

} // namespace reel
