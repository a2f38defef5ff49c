#include "actors/scheduler/line_history.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

/// The sample of now; those that passed without a word have no counts, and stand as the last one did.
line_sample& line_history::present(instant now) {
  constexpr auto kept = line_sample::span * overview_limits::samples;
  if (samples_.empty() || now - began_ >= 2 * kept) {
    samples_.assign(1, {});
    began_ = now;
    waited_ms_ = 0;
  }
  while (now - began_ >= line_sample::span) {
    line_sample next;
    next.waiting = samples_.back().waiting;
    next.running = samples_.back().running;
    samples_.push_back(next);
    if (samples_.size() > overview_limits::samples) samples_.pop_front();
    began_ += line_sample::span;
    waited_ms_ = 0;
  }
  return samples_.back();
}

void line_history::ended(job_state how, instant now) {
  switch (how) {
  case job_state::succeeded: return add(&line_sample::completed, 1, now);
  case job_state::failed:
  case job_state::dead_letter: return add(&line_sample::failed, 1, now);
  case job_state::cancelled: return add(&line_sample::cancelled, 1, now);
  default: return;
  }
}

void line_history::started(std::chrono::milliseconds waited, instant now) {
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(waited.count(), 0)); // the clock may be set back
  auto& s = present(now);
  ++s.started;
  waited_ms_ += ms;
  s.wait_ms = waited_ms_ / s.started;
  s.wait_most_ms = std::max(s.wait_most_ms, ms);
}

void line_history::saw(std::uint64_t waiting, std::uint64_t running, instant now) {
  auto& s = present(now);
  s.waiting = waiting;
  s.running = running;
}

/// The present sample, those before it, and of the one that the minute began in the part that it has.
line_rates line_history::per_minute(instant now) const {
  constexpr std::size_t samples = std::chrono::minutes{1} / line_sample::span;
  const auto part = 1 - std::min(1.0, std::chrono::duration<double>(now - began_) / line_sample::span);
  auto sum = [&](std::uint32_t line_sample::*what) {
    double all = 0;
    for (std::size_t back = 0; back <= samples && back < samples_.size(); ++back)
      all += samples_[samples_.size() - 1 - back].*what * (back == samples ? part : 1);
    return static_cast<std::uint64_t>(std::lround(all));
  };
  return {sum(&line_sample::accepted), sum(&line_sample::started), sum(&line_sample::completed),
          sum(&line_sample::failed),   sum(&line_sample::retried), sum(&line_sample::cancelled)};
}

void line_history::describe(line_overview& o, instant now) {
  present(now);
  o.per_minute = per_minute(now);
  o.samples.assign(samples_.begin(), samples_.end());
  o.sample_ms = static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now - began_).count(), 0));
}

} // namespace reel
