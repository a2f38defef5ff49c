// run_time.hpp: How long a batch will take, learnt from the batches that finished: an exponentially weighted
// mean of the measured time per (batch key, size). Pure value; owned by the scheduler core. Bounded: the
// least recently learnt entries are forgotten beyond `entries_max`.
#pragma once

#include <list>
#include <map>
#include <optional>

#include "messages/job.hpp"

namespace reel {

class run_time_model {
public:
  using duration = std::chrono::microseconds;
  static constexpr std::size_t entries_max = 1024;
  static constexpr double weight_of_new = 0.3;

  void learn(const batch_key& key, std::size_t jobs, duration measured) {
    shape s{key, jobs};
    auto found = entries_.find(s);
    if (found == entries_.end()) {
      if (entries_.size() == entries_max) {
        entries_.erase(recent_.back());
        recent_.pop_back();
      }
      recent_.push_front(s);
      entries_.emplace(std::move(s), entry{measured, recent_.begin()});
      return;
    }
    auto& e = found->second;
    auto change = weight_of_new * static_cast<double>((measured - e.mean).count());
    e.mean += duration{static_cast<std::int64_t>(change)};
    recent_.splice(recent_.begin(), recent_, e.at);
  }

  /// For exactly this size if it was seen; else scaled up from the nearest smaller size or down from the
  /// nearest larger one, as if every job cost the same; nothing for a key never seen.
  std::optional<duration> predict(const batch_key& key, std::size_t jobs) const {
    auto at = entries_.lower_bound(shape{key, jobs});
    if (at != entries_.end() && at->first.key == key && at->first.jobs == jobs) return at->second.mean;
    if (at != entries_.begin() && std::prev(at)->first.key == key)
      --at;
    else if (at == entries_.end() || at->first.key != key)
      return {};
    auto scale = static_cast<double>(jobs) / static_cast<double>(at->first.jobs);
    return duration{static_cast<std::int64_t>(scale * static_cast<double>(at->second.mean.count()))};
  }

private:
  struct shape {
    batch_key key;
    std::size_t jobs = 0;
    auto operator<=>(const shape&) const = default;
  };
  struct entry {
    duration mean;
    std::list<shape>::iterator at;
  };
  std::map<shape, entry> entries_;
  std::list<shape> recent_;
};

} // namespace reel
