// load.hpp: The load of `reel-bench line`, run as a process of its own so that its CPU time is nobody else's. Prints
// one JSON object with what it saw.
#pragma once

#include <cstdint>
#include <string>

namespace reel::bench {

struct load_options {
  std::string mode; ///< "accept", "complete", "pace"
  std::uint16_t port = 0;
  std::string key_file;
  int connections = 1;
  double seconds = 3;     ///< accept: how long
  int jobs = 10'000;      ///< complete: how many
  double jobs_per_s = 50; ///< pace
};

int run_load(const load_options& o);

} // namespace reel::bench
