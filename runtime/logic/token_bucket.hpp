// token_bucket.hpp: How many requests a second a tenant may make: `burst` at once, `per_s` in the long run.
//
// The bucket is kept as one number, the moment at which it will be full again (the "virtual scheduling" form
// of the generic cell rate algorithm, ITU-T I.371). It is held outside, so that an owner shared by threads
// can keep it in a std::atomic and repeat take() until its exchange wins.
#pragma once

#include <algorithm>
#include <cstdint>

#include "messages/ids.hpp"

namespace reel {

class token_bucket {
public:
  struct options {
    double per_s = 100; ///< > 0
    double burst = 200; ///< >= 1
    bool operator==(const options&) const = default;
  };

  /// Value to start with: long ago, that is: full.
  using state = std::int64_t; ///< nanoseconds of the monotonic clock
  static constexpr state full = INT64_MIN / 2;

  struct decision {
    bool taken = false;
    state next = full;               ///< unchanged unless taken
    std::chrono::nanoseconds wait{}; ///< until the same call would succeed; 0 when taken
    bool operator==(const decision&) const = default;
  };

  explicit token_bucket(options o)
      : token_ns_{static_cast<std::int64_t>(1e9 / o.per_s)}, depth_ns_{
                                                                 static_cast<std::int64_t>(o.burst * 1e9 / o.per_s)} {}

  /// Takes one token.
  decision take(state s, instant now) const {
    auto next = std::max(s, ns_of(now)) + token_ns_;
    auto missing = next - ns_of(now) - depth_ns_;
    if (missing > 0) return {false, s, std::chrono::nanoseconds{missing}};
    return {true, next, {}};
  }

  /// Tokens that could be taken at once.
  std::uint64_t left(state s, instant now) const {
    const auto free_ns = depth_ns_ - full_in(s, now).count();
    return free_ns > 0 ? static_cast<std::uint64_t>(free_ns / token_ns_) : 0;
  }
  std::chrono::nanoseconds full_in(state s, instant now) const {
    return std::chrono::nanoseconds{std::max<std::int64_t>(0, s - ns_of(now))};
  }

private:
  static std::int64_t ns_of(instant now) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  }

  std::int64_t token_ns_, depth_ns_;
};

} // namespace reel
