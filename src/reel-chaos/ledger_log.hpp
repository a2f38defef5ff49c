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
  std::string op, job, cause, state, reason;
  bool counted = true; ///< of a release: it was the job's failure
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

  /// Lines like "release lease_expired", "grant breaker", "worker down" from this moment on: a kind of line alone, or
  /// with its cause, state or reason.
  int count(const std::string& what, std::int64_t after_ns) const;

  /// Jobs that succeeded in a second of this time, as long as others waited. None: nothing did.
  std::optional<double> throughput(std::int64_t from_ns, std::int64_t to_ns) const;
  /// Of the jobs that have not ended, taken for 15 where they are fewer, how many run again after a failure; at most.
  double most_retries_percent() const;
  std::uint64_t degraded() const; ///< jobs that succeeded on their model's fallback

  int jobs() const;                          ///< accepted
  int ended(const std::string& state) const; ///< "succeeded" counts commits

private:
  std::vector<ledger_event> events_;
};

} // namespace reel::chaos
