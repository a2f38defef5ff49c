// restart_budget_test.cpp: How often and how soon a child comes back. Virtual time.
#include <catch2/catch_test_macros.hpp>

#include "runtime/logic/restart_budget.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {
constexpr instant t0{1000s};
restart_budget budget() { return restart_budget{{3, 300s, 1s, 4s, 60s}}; }
} // namespace

TEST_CASE("pauses double up to the limit") {
  restart_budget b{{10, 300s, 1s, 4s, 60s}};
  b.started(t0);
  CHECK(b.ended(t0, 0) == 1s);
  CHECK(b.ended(t0 + 1s, 0) == 2s);
  CHECK(b.ended(t0 + 2s, 0) == 4s);
  CHECK(b.ended(t0 + 3s, 0) == 4s);
}

TEST_CASE("jitter adds at most a fifth") {
  auto b = budget();
  CHECK(b.ended(t0, 0.5) == 1100ms);
}

TEST_CASE("one end too many inside the window exceeds the budget, outside it does not") {
  auto b = budget();
  for (int i = 0; i < 3; ++i) CHECK(b.ended(t0 + i * 1s, 0));
  auto late = b;
  CHECK_FALSE(b.ended(t0 + 299s, 0));
  CHECK(late.ended(t0 + 300s, 0));
}

TEST_CASE("a healthy while forgets the earlier pauses") {
  auto b = budget();
  b.started(t0);
  CHECK(b.ended(t0 + 1s, 0) == 1s);
  b.started(t0 + 2s);
  CHECK(b.ended(t0 + 3s, 0) == 2s);
  b.started(t0 + 5s);
  CHECK(b.ended(t0 + 65s, 0) == 1s);
}
