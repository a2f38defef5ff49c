// report.hpp: What a run did, as JSON for programs, as Markdown for people and as a picture of its time: jobs that wait
// and run, and over them what was done to the cluster.
#pragma once

#include "src/reel-chaos/run.hpp"

namespace reel::chaos {

/// Writes NAME-SEED.json, .md and .svg into the folder; throws std::runtime_error when it cannot.
void write_report(const run_result& r, const std::string& folder);

/// One Markdown table of many runs, for a suite.
std::string summary_of(const std::vector<run_result>& all);

/// SVG.
std::string picture_of(const run_result& r, const ledger_log& log);

} // namespace reel::chaos
