// progress_watch.hpp: Tells a computation that is stuck from one that is only slow (reliability.md 2.10), for one
// worker process. The process says once a second that it lives, from a thread that does not compute; that alone would
// keep a hung GPU alive for ever, and with it the leases of its batches. So it also says how far its counter has come.
//
// Two limits. Standing still: while a batch is being computed, the counter must move within the longest of `stall_min`,
// 8 times the 95th percentile of the times it took before, and 8 times what a step is foretold to take. Until the
// process has done a first batch, `stall_cold` instead of `stall_min`: weights come from the disk; and so long a batch
// may wait to begin where none is being computed. Running long: 4 times what was foretold, within `run_min` and
// `run_max`, or `run_max` where nothing was; a run foretold to take more than half of that has twice what was foretold.
// What has been computed and only uploads its files is not watched: its lease is.
//
// Value type; owned by a slot. Never reads a clock. Bounded: batches by the slot's credits, times by `times_kept`.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/worker.hpp"

namespace reel {

class progress_watch {
public:
  struct options {
    std::chrono::milliseconds stall_min{30'000};
    std::chrono::milliseconds stall_cold{120'000};
    std::chrono::milliseconds run_min{60'000};
    std::chrono::milliseconds run_max{1'800'000};
  };

  explicit progress_watch(const options& o) : options_{o} {}

  /// Of a new process, which has no batch yet.
  void started(instant now) {
    moved_at_ = now;
    progress_ = 0;
    warm_ = false;
    times_.clear();
    waiting_.clear();
    begun_.clear();
  }

  void took(const run_batch& m, instant now) {
    std::int32_t steps = 1;
    for (const auto& job : m.jobs) steps = std::max(steps, job.params.steps);
    waiting_.try_emplace(m.batch, waiting{now, {m.expected, m.expected / steps}});
  }
  void began(const batch_id& b, instant now) {
    auto found = waiting_.extract(b);
    if (!found) return;
    if (begun_.empty()) moved_at_ = now;
    begun_[b] = {now, found.mapped().expected};
  }
  /// It only uploads its files, or has left.
  void rendered(const batch_id& b, instant now) {
    waiting_.erase(b);
    if (begun_.erase(b) == 0) return;
    warm_ = true;
    restart_waiting(now);
  }

  /// What the process says once a second.
  void heard(std::uint64_t progress, instant now) {
    if (progress == progress_) return;
    if (!begun_.empty()) keep_time(now - moved_at_);
    progress_ = progress;
    moved_at_ = now;
    restart_waiting(now);
  }

  /// We ourselves were not there for so long.
  void forgive(std::chrono::nanoseconds away, instant now) {
    moved_at_ = now;
    restart_waiting(now);
    for (auto& [b, run] : begun_) run.since += away;
  }

  /// Why the process has to be ended, if it has to; in words for people.
  std::optional<std::string> trouble(instant now) const {
    auto over = [now](instant since, std::chrono::nanoseconds limit, const char* what) -> std::optional<std::string> {
      if (now - since <= limit) return {};
      return what + (" for " + seconds(now - since)) + ", allowed are " + seconds(limit);
    };
    if (begun_.empty()) {
      for (const auto& [b, w] : waiting_)
        if (auto why = over(w.since, options_.stall_cold, "a batch has waited to begin")) return why;
      return {};
    }
    for (const auto& [b, run] : begun_)
      if (auto why = over(run.since, run_limit(run.expected.run), "a batch has run")) return why;
    return over(moved_at_, stall_limit(), "no progress");
  }

private:
  static constexpr std::size_t times_kept = 64;
  static constexpr int slow_factor = 8, long_factor = 4, long_factor_least = 2;

  struct foretold {
    std::chrono::milliseconds run{}, step{}; ///< 0: not known
  };
  struct waiting {
    instant since; ///< nothing else has happened
    foretold expected;
  };
  struct running {
    instant since;
    foretold expected;
  };

  static std::string seconds(std::chrono::nanoseconds d) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(d).count()) + " s";
  }

  void keep_time(std::chrono::nanoseconds took) {
    if (times_.size() == times_kept) times_.pop_front();
    times_.push_back(took);
  }

  /// Something happened: whoever waits for its turn begins to wait anew.
  void restart_waiting(instant now) {
    for (auto& [b, w] : waiting_) w.since = now;
  }

  std::chrono::nanoseconds stall_limit() const {
    std::chrono::nanoseconds limit = warm_ ? options_.stall_min : options_.stall_cold;
    for (const auto& [b, run] : begun_)
      limit = std::max<std::chrono::nanoseconds>(limit, slow_factor * run.expected.step);
    if (times_.empty()) return limit;
    std::vector<std::chrono::nanoseconds> sorted{times_.begin(), times_.end()};
    auto p95 = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * 95 / 100);
    std::ranges::nth_element(sorted, p95);
    return std::max(limit, slow_factor * *p95);
  }

  std::chrono::nanoseconds run_limit(std::chrono::milliseconds expected) const {
    if (expected.count() == 0) return options_.run_max;
    return std::max(std::clamp(long_factor * expected, options_.run_min, options_.run_max),
                    long_factor_least * expected);
  }

  options options_;
  instant moved_at_{};
  std::uint64_t progress_ = 0;
  bool warm_ = false;                          ///< it has done a batch
  std::deque<std::chrono::nanoseconds> times_; ///< between two moves
  std::map<batch_id, waiting> waiting_;        ///< taken and not begun
  std::map<batch_id, running> begun_;          ///< being computed
};

} // namespace reel
