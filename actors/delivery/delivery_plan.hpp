// delivery_plan.hpp: What becomes of a webhook's event after a try. Pure.
#pragma once

#include <algorithm>

#include "actors/storage/outbox.hpp"

namespace reel {

struct delivery_pace {
  std::chrono::milliseconds retry_first{5'000}; ///< doubled each time ...
  std::chrono::milliseconds retry_most{3'600'000};
  std::chrono::milliseconds give_up_after = std::chrono::hours{24};
  std::uint32_t tries_min = 10; ///< whatever the clock says, because it may have jumped
};

constexpr bool is_taken(int status) { return status >= 200 && status < 300; }

/// `status`: HTTP, 0 without an answer. `random`: 0 to 1. A receiver that is gone (410) wants no more.
inline delivery_result after_try(const outbox_entry& e, int status, wall_time now, double random,
                                 const delivery_pace& pace) {
  delivery_result r{e.job, e.generation, delivery_state::waits, e.tries + 1, status, now};
  if (is_taken(status)) {
    r.state = delivery_state::delivered;
  } else if (status == 410 || (now - e.made_at >= pace.give_up_after && r.tries >= pace.tries_min)) {
    r.state = delivery_state::given_up;
  } else {
    const auto doubled = pace.retry_first * (std::int64_t{1} << std::min(e.tries, 20u));
    const std::chrono::duration<double, std::milli> pause = std::min(doubled, pace.retry_most);
    r.due = now + std::chrono::floor<std::chrono::milliseconds>(pause * (0.5 + random / 2));
  }
  return r;
}

/// Its receiver has enough to do: a little later, without a try.
inline delivery_result put_off(const outbox_entry& e, wall_time now, double random) {
  const std::chrono::duration<double, std::milli> pause{1000 + 2000 * random};
  return {e.job,
          e.generation,
          delivery_state::waits,
          e.tries,
          0,
          now + std::chrono::floor<std::chrono::milliseconds>(pause)};
}

} // namespace reel
