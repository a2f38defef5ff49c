// bounds.hpp: The numbers the invariants are checked with. The defaults are the product's promises.
#pragma once

#include <chrono>
#include <cstdint>

namespace reel::check {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

struct bounds {
  // I9: executions of one job (generation).
  std::uint32_t executions_max = 4;          ///< counted ones: the first and 3 retries
  std::uint32_t executions_fallback_max = 6; ///< with the light model's
  std::uint32_t poison_executions_max =
      3;                         ///< of a job that ends as poison, without those that ended by the cluster's trouble
  std::uint32_t grants_max = 20; ///< counted or not, without those that ended in a pause
  // I10: one execution at a time.
  nanoseconds lease_min = 0s; ///< no lease runs out sooner after its grant; 0: not judged, it is as configured
  // I12: order of service.
  nanoseconds priority_wait = 5s; ///< X: how long a lower class may go first, and a later job of the same class
  nanoseconds age_after = 10min;  ///< a job that waited so long may be served as one class higher, and so on
  // I13: when a fallback may stand in.
  nanoseconds degrade_after = 0s; ///< of breakers that are not closed: as the cluster is configured (30 s if it is not)
  nanoseconds degrade_slack =
      2s; ///< less this: the line about a breaker and that about a grant wait for different syncs
  // I14: after the faults.
  std::uint32_t drain_factor = 2; ///< queue empty within work / workers * this
  nanoseconds drain_grace = 60s;  ///< and this
  // When too little happened to say "valid".
  std::uint64_t jobs_min = 1;                  ///< accepted
  std::uint64_t faults_min = 1;                ///< that provably took effect
  std::uint32_t unknown_submits_permille = 10; ///< share of submits whose outcome their client does not know
  std::uint16_t required = 0;                  ///< bit i: invariant i+1 has to have been exercised
};

} // namespace reel::check
