// wait_ages.hpp: How old the oldest waiting job of a class is, without looking at jobs: they are counted by the second
// in which they were made. As many counters as there are such seconds, so never more than jobs; a day's backlog has
// 86,400 at most.
//
// Plain value; owned by job_queue, one per class. Never reads a clock.
#pragma once

#include <map>
#include <optional>

#include "messages/ids.hpp"

namespace reel {

class wait_ages {
public:
  void add(wall_time made) { ++counts_.try_emplace(counts_.end(), second_of(made), 0)->second; } // most come in order
  void remove(wall_time made) {
    auto found = counts_.find(second_of(made));
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }
  /// The second in which the oldest was made; nothing when there is none.
  std::optional<wall_time> oldest() const {
    if (counts_.empty()) return {};
    return wall_time{std::chrono::seconds{counts_.begin()->first}};
  }

private:
  static std::int64_t second_of(wall_time t) {
    return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
  }
  std::map<std::int64_t, std::uint32_t> counts_;
};

} // namespace reel
