// simulation.hpp: Runs a workload against a policy in virtual time, by events in order of (time, sequence number). One
// thread; the same workload, policy and seed give the same trace, hash included.
//
// A worker runs one batch at a time. A batch costs what the workload says, with noise; it fails at a tenth of its time
// when its peak is more than the worker has; a preempted one stops at its next denoise step and takes `save_time` to be
// saved; a lost worker takes its batch's work with it. Where experts take turns, a batch brings those that are not
// there, and handing it over between the two costs both workers their half.
#pragma once

#include <functional>

#include "src/reel-sim/figures.hpp"
#include "src/reel-sim/policy.hpp"

namespace reel::sim {

using policy_maker = std::function<std::unique_ptr<policy>(world&)>;

figures simulate(const workload& w, std::uint64_t seed, const std::string& name, const policy_maker& make);

} // namespace reel::sim
