// run.hpp: One run: a cluster of real processes, load, faults, heal, drain, check. Everything lies in a folder of its
// own afterwards: configuration, logs, the histories, reel-check's report.
#pragma once

#include <optional>

#include "src/reel-chaos/ledger_log.hpp"
#include "src/reel-chaos/nemesis.hpp"

namespace reel::chaos {

struct run_options {
  std::uint64_t seed = 1;
  std::string dir; ///< emptied first
  std::string bin; ///< folder of the programs
};

/// What has to hold beside the invariants, and whether it did.
struct bound_result {
  std::string what;
  std::optional<double> measured; ///< none: nothing was there to be measured, which proves nothing
  double allowed = 0;
  std::string unit = "ms";
  bool at_least = false; ///< otherwise at most
  bool is_met() const { return measured && (at_least ? *measured >= allowed : *measured <= allowed); }
};

struct run_result {
  plan what;
  std::uint64_t seed = 1;
  std::string dir;
  std::int64_t began_ns = 0, faults_began_ns = 0, healed_ns = 0, drained_ns = 0; ///< 0: it did not come so far
  std::vector<fault_record> faults;
  std::vector<bound_result> bounds;
  std::vector<std::string> failures; ///< why it did not pass; empty: it did
  std::vector<std::string> skipped;  ///< faults that this machine or moment did not allow
  std::string verdict;               ///< of reel-check: valid, invalid, unknown
  std::string check_output;          ///< JSON
  bool has_receiver = false;         ///< somebody received webhooks
  std::string load_stats;            ///< JSON
  std::string receiver_stats;        ///< for people; empty: no webhooks
  cluster_sample idle, warm, after;  ///< what the processes held before the load, before the faults, at the end
  std::uint64_t control_rss_most = 0;
  std::string command; ///< that does it again
  bool passed() const { return failures.empty(); }
};

/// Never throws for what happens to the cluster: that is a failure in the result.
run_result run_plan(const plan& p, const run_options& o);

} // namespace reel::chaos
