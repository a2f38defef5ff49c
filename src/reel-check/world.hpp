// world.hpp: What all checks share while one history is read. Owned by check(); the parts keep references.
#pragma once

#include <optional>
#include <set>

#include "src/reel-check/bounds.hpp"
#include "src/reel-check/findings.hpp"
#include "src/reel-check/history.hpp"
#include "src/reel-check/jobs.hpp"

namespace reel::check {

/// A line and when it was, on the common clock.
struct moment {
  line_ref at;
  std::int64_t time = 0;
};
inline moment moment_of(const event& e) { return {e.at, e.time}; }

struct world {
  history& log;
  const bounds& limits;
  job_table jobs;
  names known; ///< tenants, models, shapes, workers, nodes
  findings found;
  std::optional<moment> healed;        ///< the last fault was lifted
  std::optional<moment> drained;       ///< nobody waits for more to end
  std::optional<moment> clock_moved{}; ///< the first time that somebody moved a wall clock
  std::set<digest> poison{};           ///< payloads of jobs that ended as poison

  /// True only when no error of the two clocks can have it otherwise.
  bool surely_before(moment a, moment b) const { return a.time + log.slack(a.at, b.at) < b.time; }
};

inline std::string job_of(const event& e) { return "job " + std::string{e.text(field::job)}; }
inline std::string text_of(std::int64_t n) { return std::to_string(n); }

} // namespace reel::check
