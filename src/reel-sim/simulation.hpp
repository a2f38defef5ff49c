// simulation.hpp: Runs a workload against a policy in virtual time, by events in order of (time, sequence number). One
// thread; the same workload, policy and seed give the same trace, hash included.
//
// A worker computes one batch and those that joined it (gpu_run.hpp). A pass costs what the workload says for all jobs
// in it, with noise; they fail after a tenth of their steps when their peak is more than the worker has; preempted ones
// stop at their next denoise step and take `save_time` to be saved; a lost worker takes their work with it, unless it
// had notice enough to hand it back. Where experts take turns, a batch brings those that are not there, and handing it
// over between the two costs both workers their half.
#pragma once

#include <functional>

#include "src/reel-sim/figures.hpp"
#include "src/reel-sim/policy.hpp"

namespace reel::sim {

using policy_maker = std::function<std::unique_ptr<policy>(world&)>;

figures simulate(const workload& w, std::uint64_t seed, const std::string& name, const policy_maker& make);

} // namespace reel::sim
