// outlier.hpp: Notices that one worker keeps failing where others do not, and says how long to leave it alone: after
// `failures` batches in a row, 30 s, and as much longer for each time before. Whether the others can do without it is
// for its owner to know.
//
// Value type; owned by the scheduler core, one per worker. Never reads a clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "messages/ids.hpp"

namespace reel {

class outlier {
public:
  struct options {
    int failures = 3;
    std::chrono::milliseconds first{30'000}, most{300'000};
  };

  outlier() = default;
  explicit outlier(const options& o) : options_{o} {}

  void succeeded() {
    in_a_row_ = 0;
    if (ejections_ > 0) --ejections_;
  }

  /// Until when to leave it alone, when this was one too many. `may_eject`: the others can do without it; if not, the
  /// next failure asks again.
  std::optional<instant> failed(bool may_eject, instant now) {
    if (++in_a_row_ < options_.failures || !may_eject) return {};
    in_a_row_ = 0;
    ++ejections_;
    return now + std::min(options_.first * ejections_, options_.most);
  }

private:
  options options_;
  int in_a_row_ = 0;
  int ejections_ = 0; ///< less the successes since
};

} // namespace reel
