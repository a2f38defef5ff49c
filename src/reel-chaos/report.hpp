// report.hpp: What a run did, as JSON for programs, as Markdown for people and as a picture of its time: jobs that wait
// and run, and over them what was done to the cluster.
#pragma once

#include "src/reel-chaos/run.hpp"

namespace reel::chaos {

/// Writes NAME-SEED.json, .md and .svg into the folder; throws std::runtime_error when it cannot.
void write_report(const run_result& r, const std::string& folder);

/// How many events of a run's history reel-check held against an invariant. None judged proves nothing about it.
struct tally {
  std::string invariant;
  std::uint64_t judged = 0, violated = 0;
};
std::vector<tally> tallies_of(const run_result& r);

std::string rows_text(const plan& p); ///< "1, 9"
std::string measured_text(const bound_result& b);

/// SVG.
std::string picture_of(const run_result& r, const ledger_log& log);

} // namespace reel::chaos
