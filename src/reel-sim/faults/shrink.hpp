// shrink.hpp: Cuts a failing plan down to what still fails: delta debugging over its list of faults, then fewer jobs,
// true clocks and plain prompts. Bounded by the number of plans that are tried.
#pragma once

#include <functional>

#include "src/reel-sim/faults/plan.hpp"

namespace reel::faultsim {

struct shrink_result {
  plan smallest;
  std::size_t tried = 0;
};

/// `fails` runs a plan; it has to be true of `p`.
shrink_result shrink(const plan& p, const std::function<bool(const plan&)>& fails, std::size_t tries_most = 200);

} // namespace reel::faultsim
