// command.hpp: `reel-sim --faults`: runs plans, has reel-check judge their histories, prints what came out, and says of
// each failing seed how to see it again.
#pragma once

#include <cstdint>
#include <string>

#include "src/reel-sim/faults/plan.hpp"

namespace reel::faultsim {

struct command_options {
  std::uint64_t seed = 1, seeds = 1;
  plan_size size;
  std::string replay;  ///< a plan's file, instead of seeds
  std::string history; ///< a folder that the histories are left in
  std::string broken;  ///< a defect, to see it caught
  bool shrink = false, json = false, twice = false, no_check = false, print_plan = false;
};

/// What reel-check is told. The order of service is judged by a wide bound: retries wait for budgets and for each
/// other, and prompts that were poison before come last, which no line shows. So is the end of the queue: one tenant
/// may run only so much at once, whatever the fleet. Clients ask again until they know, so that many submits are
/// unknown at first. Where everything breaks all the time, what turns out to be poison may not have been alone at an
/// execution that was to show it, and is executed once more.
inline constexpr const char* check_arguments[] = {"--priority-wait",     "1h", "--unknown-submits", "1000",
                                                  "--faults-min",        "0",  "--drain-grace",     "20min",
                                                  "--poison-executions", "4"};

/// The exit code: 0 when all is well, 1 when a promise was broken, 2 when something could not be done.
int run_faults(const command_options& o);

} // namespace reel::faultsim
