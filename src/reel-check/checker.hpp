// checker.hpp: The whole check of one history, in one pass over each file. One thread; memory bytes_per_job (jobs.hpp)
// for each job, nothing per line.
#pragma once

#include "src/reel-check/bounds.hpp"
#include "src/reel-check/findings.hpp"
#include "src/reel-check/history.hpp"

namespace reel::check {

struct result {
  findings found;
  std::uint64_t lines = 0;
  std::uint64_t jobs = 0;            ///< accepted, as the ledger has it
  std::uint64_t submits = 0;         ///< answered or not
  std::uint64_t unknown_submits = 0; ///< whose outcome the client does not know
  std::uint64_t faults = 0;          ///< begun
  std::uint64_t faults_proven = 0;   ///< that provably took effect
};

/// Throws format_error, with file and line, when the history is not what HISTORY.md says.
result check(history& log, const bounds& limits);

} // namespace reel::check
