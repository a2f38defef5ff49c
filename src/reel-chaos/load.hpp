// load.hpp: The load of a run, as a process of its own: clients of several tenants that submit, read, fetch and cancel
// over HTTP, and write down what they saw (src/reel-check/HISTORY.md, "Lines of clients"). It knows nothing of the
// cluster but its address and the tenants' keys.
//
// A submit whose outcome is unknown, or that was refused for now, is repeated under the same key until its outcome is
// known. A read asks for an own job, now and then for another tenant's, which must not be found. The prompt holds the
// tenant's mark. At the end all results are fetched once more.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace reel::chaos {

inline constexpr int poison_seed = 66;

struct load_tenant {
  std::string name, key;
};

struct load_spec {
  std::string url;
  std::vector<load_tenant> tenants;
  std::string history; ///< the file to write
  std::string stats;   ///< likewise, at the end
  std::uint64_t seed = 1;
  int clients = 8;                            ///< each a thread with one operation under way
  int jobs = 100;                             ///< of all clients
  std::chrono::milliseconds spread{};         ///< the jobs are submitted evenly over this time
  std::chrono::milliseconds pause{40};        ///< of a client between two operations
  std::chrono::milliseconds patience{12'000}; ///< for an answer
  int cancel_percent = 0;                     ///< of the jobs
  int poison_percent = 0;                     ///< likewise: their seed is poison_seed, and a plan says what that does
  int keep_model_percent = 0;                 ///< likewise: no fallback may stand in
  int steps_least = 4, steps_most = 12;
  std::vector<std::string> classes{"standard"};
  std::string webhook_url; ///< each tenant's name is added to it; empty: none
};
/// As the process gets it on its standard input; keys are in no argument and no environment.
std::string to_json(const load_spec& s);
load_spec parse_load_spec(const std::string& text);

/// Runs until every job has ended, or until SIGTERM: then what is under way is finished and the history closed. Exit
/// code 0 when all jobs have ended.
int run_load(const load_spec& spec);

} // namespace reel::chaos
