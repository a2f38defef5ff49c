// delivery_plan.hpp: What becomes of a webhook's event after a try. Pure.
#pragma once

#include <algorithm>

#include "actors/storage/outbox.hpp"

namespace reel {

struct delivery_pace {
  std::chrono::milliseconds retry_first{5'000}; ///< longest first pause, doubled each time ...
  std::chrono::milliseconds retry_most{3'600'000};
  std::chrono::milliseconds give_up_after = std::chrono::hours{24};
  std::uint32_t tries_min = 10; ///< whatever the clock says, because it may have jumped
};

/// The longest that a receiver may ask for with Retry-After.
inline constexpr std::chrono::seconds retry_after_max{300};

constexpr bool is_taken(int status) { return status >= 200 && status < 300; }

/// Says that the receiver, not this one event, is in trouble: its circuit breaker counts these.
constexpr bool is_trouble(int status) { return status == 0 || status == 429 || status >= 500; }

/// What came back of a try. A try that was not made because the receiver's breaker is open has no answer either.
struct try_answer {
  int status = 0;                      ///< HTTP; 0: there was none
  std::chrono::seconds retry_after{0}; ///< 0: the receiver did not ask for any
};

/// Full jitter: the pause is anything between nothing and the bound; `random` is 0 to 1. A receiver that is gone (410)
/// wants no more.
inline delivery_result after_try(const outbox_entry& e, const try_answer& a, wall_time now, double random,
                                 const delivery_pace& pace) {
  delivery_result r{e.job, e.generation, delivery_state::waits, e.tries + 1, a.status, now};
  if (is_taken(a.status)) {
    r.state = delivery_state::delivered;
  } else if (a.status == 410 || (now - e.made_at >= pace.give_up_after && r.tries >= pace.tries_min)) {
    r.state = delivery_state::given_up;
  } else {
    const auto doubled = pace.retry_first * (std::int64_t{1} << std::min(e.tries, 20u));
    const std::chrono::duration<double, std::milli> pause = random * std::min(doubled, pace.retry_most);
    r.due = now + std::max<std::chrono::milliseconds>(std::chrono::floor<std::chrono::milliseconds>(pause),
                                                      std::min(a.retry_after, retry_after_max));
  }
  return r;
}

/// Its receiver or its tenant has enough under way: a little later, without a try.
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
