// ledger_audit.hpp: Reads a stopped cluster's ledger file from outside, with plain SQL, and says what is
// wrong with its history: the promise of reliability.md checked on what is really on the disk.
#pragma once

#include <string>
#include <vector>

namespace reel::audit {

struct report {
  std::int64_t jobs = 0;
  std::int64_t succeeded = 0;
  std::int64_t retried = 0;      ///< executions that ended in a retry
  std::int64_t running_most = 0; ///< jobs that ran at once
  std::vector<std::string> violations;
};

/// I1 (every job ended), I2 (one commit and one outbox row per success), I5 (versions without gaps, one event
/// each), I11 (what is used of days is what the jobs say).
report check_ledger(const std::string& file);

} // namespace reel::audit
