// key_clock.hpp: The time by which idempotency keys age: it passes as the monotonic clock does, so that a wall clock
// that is set forward frees no key and one that is set back keeps none. Between two lives of the process only the wall
// clock can tell, and it is believed for at most `gap_max`: a key may live longer than promised, never shorter. Value
// type.
#pragma once

#include <algorithm>
#include <optional>

#include "messages/ids.hpp"

namespace reel::sqlite {

class key_clock {
public:
  /// `saved`: what the clock showed at the end of its last life, or shortly before.
  key_clock(std::optional<wall_time> saved, std::chrono::milliseconds gap_max, wall_time wall, instant steady)
      : start_{saved ? std::clamp(wall, *saved, *saved + gap_max) : wall}, started_{steady} {}

  wall_time read(instant steady) const {
    return start_ + std::chrono::floor<std::chrono::milliseconds>(steady - started_);
  }

private:
  wall_time start_;
  instant started_;
};

} // namespace reel::sqlite
