// queue_notifier.hpp: What the ledger's shell tells the scheduler, and when. A notice is a hint, never the
// truth: when the scheduler does not answer, the hints are dropped and it is told to read the ledger instead. So
// it is at the start, because a shell that crashed may have left jobs that nobody told of.
//
// One message is in flight at a time and the next gathers meanwhile, so that thousands of acceptances a
// second are a few messages. Value type, owned by the ledger's shell; never reads a clock.
#pragma once

#include <optional>

#include "messages/scheduler.hpp"

namespace reel {

class queue_notifier {
public:
  struct options {
    std::size_t message_jobs_max = 1024;  ///< about 100 KiB
    std::size_t waiting_jobs_max = 16384; ///< more is cheaper to read from the ledger
  };
  queue_notifier() = default;
  explicit queue_notifier(options o) : options_{o} {}

  void add(std::vector<waiting_job> jobs) {
    if (rereading_) return; // it will read these too
    if (waiting_.size() + jobs.size() > options_.waiting_jobs_max) return drop();
    std::move(jobs.begin(), jobs.end(), std::back_inserter(waiting_));
  }

  /// The message to send now, if any; it is in flight until answered() or unanswered().
  std::optional<jobs_queued> next() {
    if (in_flight_ || paused_ || (waiting_.empty() && !rereading_)) return {};
    in_flight_ = true;
    if (std::exchange(rereading_, false)) return jobs_queued{{}, false};
    const auto count = std::min(waiting_.size(), options_.message_jobs_max);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    jobs_queued message{{std::move_iterator{waiting_.begin()}, std::move_iterator{end}}, true};
    waiting_.erase(waiting_.begin(), end);
    return message;
  }

  void answered() { in_flight_ = false; }

  /// No answer: next() is silent until resume(), which the owner calls a second later.
  void unanswered() {
    in_flight_ = false;
    paused_ = true;
    drop();
  }
  void resume() { paused_ = false; }

  /// Forgets the hints: the next message says "read the ledger".
  void drop() {
    waiting_.clear();
    rereading_ = true;
  }

private:
  options options_;
  std::vector<waiting_job> waiting_;
  bool in_flight_ = false;
  bool paused_ = false;
  bool rereading_ = true; ///< the next message says so
};

} // namespace reel
