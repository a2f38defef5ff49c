// suite.hpp: What many runs say together: all passed, every invariant was judged somewhere, and the figures that the
// project promises. As JSON, and as Markdown with a picture of every run.
#pragma once

#include "src/reel-chaos/report.hpp"

namespace reel::chaos {

/// What makes a suite worth nothing though all its runs passed: invariants that no event of any run was held against.
/// I3 is left out where no run had a receiver of webhooks.
std::vector<std::string> vacuous_in(const std::vector<run_result>& all);

bool has_passed(const std::vector<run_result>& all);

/// Writes suite.json and README.md beside the runs' reports; throws std::runtime_error when it cannot.
void write_suite(const std::vector<run_result>& all, const std::string& folder);

std::string suite_json(const std::vector<run_result>& all);
std::string suite_markdown(const std::vector<run_result>& all);

} // namespace reel::chaos
