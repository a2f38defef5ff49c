// token_bucket_test.cpp: Never more than burst + rate x time pass, never fewer when asked often enough, and
// the wait that a refusal names is exact. Method: examples, then random times against the definition.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "runtime/logic/token_bucket.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {
constexpr instant t0{std::chrono::hours{5}};

struct counted {
  token_bucket bucket;
  token_bucket::state state = token_bucket::full;
  bool take(instant now) {
    auto d = bucket.take(state, now);
    state = d.next;
    return d.taken;
  }
};
} // namespace

TEST_CASE("a full bucket gives its burst at once and then refuses") {
  counted b{token_bucket{{.per_s = 10, .burst = 3}}};
  for (int i = 0; i < 3; ++i) CHECK(b.take(t0));
  CHECK_FALSE(b.take(t0));
}

TEST_CASE("a refusal says when the next token is there, and it is there then and not before") {
  token_bucket bucket{{.per_s = 10, .burst = 1}};
  auto first = bucket.take(token_bucket::full, t0);
  REQUIRE(first.taken);
  auto refused = bucket.take(first.next, t0);
  REQUIRE_FALSE(refused.taken);
  CHECK(refused.wait == 100ms);
  CHECK(refused.next == first.next);
  CHECK_FALSE(bucket.take(first.next, t0 + 100ms - 1ns).taken);
  CHECK(bucket.take(first.next, t0 + 100ms).taken);
}

TEST_CASE("a rest fills the bucket to its burst and no further") {
  counted b{token_bucket{{.per_s = 10, .burst = 3}}};
  for (int i = 0; i < 3; ++i) b.take(t0);
  int taken = 0;
  while (b.take(t0 + 1h)) ++taken;
  CHECK(taken == 3);
}

TEST_CASE("any sequence of calls gets at most burst plus rate times time, and hardly fewer when greedy") {
  REQUIRE(rc::check([] {
    const int per_s = *rc::gen::inRange(1, 500), burst = *rc::gen::inRange(1, 50);
    counted b{token_bucket{{.per_s = double(per_s), .burst = double(burst)}}};
    const auto steps = *rc::gen::container<std::vector<int>>(200, rc::gen::inRange(0, 20'000));
    auto now = t0;
    double taken = 0;
    for (int us : steps) {
      now += std::chrono::microseconds{us};
      while (b.take(now)) ++taken;
    }
    double allowed = burst + per_s * std::chrono::duration<double>(now - t0).count();
    RC_ASSERT(taken <= allowed + 1e-3);
    bool never_full = per_s * 0.02 < burst - 1; // no step was long enough to waste tokens
    double wasted = per_s * steps[0] / 1e6;     // it began full
    if (never_full) RC_ASSERT(taken > allowed - wasted - 1.01);
  }));
}
