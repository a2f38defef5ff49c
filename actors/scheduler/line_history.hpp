// line_history.hpp: What the line did of late, for who looks at it (messages/overview.hpp): counted in samples of ten
// seconds, of which the last ten minutes are kept. A scheduler that starts begins with none.
//
// Value type; owned by the scheduler actor. Never reads a clock.
#pragma once

#include <deque>

#include "messages/job.hpp"
#include "messages/overview.hpp"

namespace reel {

class line_history {
public:
  void accepted(std::size_t jobs, instant now) { add(&line_sample::accepted, jobs, now); }
  void retried(std::size_t executions, instant now) { add(&line_sample::retried, executions, now); }
  void ended(job_state how, instant now);
  /// A job began, that long after it was accepted.
  void started(std::chrono::milliseconds waited, instant now);
  /// How things stand: what is said last stands for the sample.
  void saw(std::uint64_t waiting, std::uint64_t running, instant now);

  /// Rates and samples.
  void describe(line_overview& o, instant now);

private:
  line_sample& present(instant now);
  void add(std::uint32_t line_sample::*what, std::size_t n, instant now) {
    present(now).*what += static_cast<std::uint32_t>(n);
  }
  line_rates per_minute(instant now) const;

  std::deque<line_sample> samples_; ///< at most overview_limits::samples; the last one is being counted
  instant began_{};                 ///< it
  std::uint64_t waited_ms_ = 0;     ///< all that started in it
};

} // namespace reel
