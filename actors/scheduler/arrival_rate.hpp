// arrival_rate.hpp: How fast jobs come in, as an exponentially decaying count: old arrivals fade with the time
// constant. Pure value; owned by the scheduler core.
#pragma once

#include <chrono>
#include <cmath>

#include "messages/ids.hpp"

namespace reel {

class arrival_rate {
public:
  static constexpr std::chrono::milliseconds fades_in{50};

  void arrived(instant now) {
    count_ = at(now) + 1;
    last_ = now;
  }

  /// Arrivals to be expected within `span`, if it goes on like this.
  double expected(instant now, std::chrono::milliseconds span) const {
    return at(now) * static_cast<double>(span.count()) / static_cast<double>(fades_in.count());
  }

private:
  double at(instant now) const {
    std::chrono::duration<double, std::milli> passed = now - last_;
    return count_ * std::exp(-passed.count() / static_cast<double>(fades_in.count()));
  }

  double count_ = 0;
  instant last_{};
};

} // namespace reel
