// foretold_ends.hpp: When some of the jobs were expected to end, as it was foretold when they came, to see how wrong
// that is. Few jobs are enough: at most `most` are kept. A job whose end is never heard of (it ended under another
// scheduler) makes room once it is overdue by as much as was foretold and an hour.
//
// Pure; owned by the scheduler.
#pragma once

#include <chrono>
#include <optional>
#include <unordered_map>

#include "messages/ids.hpp"

namespace reel {

class foretold_ends {
public:
  static constexpr std::size_t most = 1024;
  static constexpr std::chrono::hours patience{1};

  /// False where there is no room: others are still expected to end.
  bool add(const job_id& id, instant now, std::chrono::milliseconds eta) {
    if (ends_.size() >= most) std::erase_if(ends_, [now](const auto& one) { return is_overdue(one.second, now); });
    if (ends_.size() >= most) return false;
    ends_[id] = {now, now + eta};
    return true;
  }

  /// It was cancelled, say.
  void forget(const job_id& id) { ends_.erase(id); }

  /// |foretold - actual| to the time that it took; nothing for a job that is not kept.
  std::optional<double> ended(const job_id& id, instant now) {
    const auto found = ends_.extract(id);
    if (found.empty()) return {};
    const auto& f = found.mapped();
    using seconds = std::chrono::duration<double>;
    const auto took = std::max<instant::duration>(now - f.asked_at, std::chrono::milliseconds{1});
    return seconds(std::chrono::abs(now - f.ends_at)) / seconds(took);
  }

  std::size_t size() const { return ends_.size(); }

private:
  struct foretold {
    instant asked_at{}, ends_at{};
  };
  static bool is_overdue(const foretold& f, instant now) { return now - f.ends_at > f.ends_at - f.asked_at + patience; }

  std::unordered_map<job_id, foretold, uuid_hash> ends_;
};

} // namespace reel
