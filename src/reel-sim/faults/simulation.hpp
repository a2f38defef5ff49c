// simulation.hpp: Runs a plan: safety phase, liveness phase, and the state at the end. One thread, virtual time; the
// same plan gives the same trace. What is promised is judged by reel-check from the history that comes out; only what
// no history shows is judged here: that links deliver once and in order, that nothing is computed after its lease, and
// that all comes to an end.
#pragma once

#include "src/reel-sim/faults/history_log.hpp"
#include "src/reel-sim/faults/plan.hpp"

namespace reel::faultsim {

struct run_report {
  std::uint64_t trace = 0; ///< hash over every event and every line
  std::vector<std::string> failures;
  std::uint64_t jobs = 0, succeeded = 0, failed = 0, cancelled = 0, dead = 0, unfinished = 0;
  std::uint64_t grants = 0, refused = 0, lost_operations = 0, leases_expired = 0, terms = 0;
  std::uint64_t faults = 0, vacuous = 0; ///< that took effect; that did nothing
  std::uint64_t events = 0;
  ns took{0}, drained_after{0}; ///< virtual time: in all, and after the last fault
};

run_report simulate(const plan& p, line_sink sink = {}, defect broken = defect::none);

} // namespace reel::faultsim
