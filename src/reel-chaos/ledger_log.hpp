// ledger_log.hpp: What a run's ledger.jsonl says about time: how soon work went on after a fault, how many jobs ran
// when. The verdict on what is allowed is reel-check's, not this one's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reel::chaos {

struct ledger_event {
  std::int64_t at_ns = 0;
  std::string op, job, cause, state;
};

class ledger_log {
public:
  /// Throws std::runtime_error when the file is none.
  explicit ledger_log(const std::string& file);

  const std::vector<ledger_event>& events() const { return events_; } ///< in order

  /// The first grant at or after the moment: how much later, in ms. None: no grant came, or no job waited for one.
  std::optional<std::int64_t> next_grant_ms(std::int64_t after_ns) const;

  /// Of the jobs that ran at this moment and were released by it or later, before their end: how long until the last of
  /// them ran again. None: no such job.
  std::optional<std::int64_t> all_again_ms(std::int64_t after_ns) const;

  /// Lines like "release lease_expired" from this moment on.
  int count(const std::string& what, std::int64_t after_ns) const;

  int jobs() const;                          ///< accepted
  int ended(const std::string& state) const; ///< "succeeded" counts commits

private:
  std::vector<ledger_event> events_;
};

} // namespace reel::chaos
