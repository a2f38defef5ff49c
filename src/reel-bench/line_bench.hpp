// line_bench.hpp: The figures of the production line itself, with a model that does no work, beside the raw limits of
// the machine in the same run. Load comes from a process of its own; drift between runs is about 2x on shared
// machines, so compare within one run.
#pragma once

#include <string>

namespace reel::bench {

struct line_options {
  std::string dir = "var/bench"; ///< the ledger's disk is measured, so choose it well
  int rounds = 3;
  int jobs = 30'000; ///< of the completion phase
  bool json = false;
};
int run_line(const line_options& o);

struct queue_options {
  std::string dir = "var/bench";
  int jobs = 1'000'000;
  bool json = false;
};

/// How acceptance and memory behave while jobs pile up and nobody works.
int run_queue(const queue_options& o);

} // namespace reel::bench
