// suite.hpp: Every figure the scheduler is held to, measured beside its target.
#pragma once

#include <string>

namespace reel::sim {

/// Prints a table; true when all targets hold. `configs` is the folder with the workloads.
bool run_suite(const std::string& configs, std::uint64_t seed, bool quick);

} // namespace reel::sim
