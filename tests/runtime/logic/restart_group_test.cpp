// restart_group_test.cpp: Whom a supervisor stops and starts when a child ends, and when it gives its group up.
#include <catch2/catch_test_macros.hpp>

#include "runtime/logic/restart_group.hpp"

using namespace reel;
using namespace std::chrono_literals;
using numbers = std::vector<std::size_t>;

namespace {

constexpr instant t0{1000s};

restart_group three(restart_strategy strategy, restart_budget::options budget = {2, 60s, 1s, 60s, 60s}) {
  restart_group g{{strategy, budget}};
  for (int i = 0; i < 3; ++i) g.started(g.add_child(), t0);
  return g;
}

} // namespace

TEST_CASE("one for one: who ended comes back, the others stay") {
  auto g = three(restart_strategy::one_for_one);
  CHECK(g.ended(1, t0, 0) == restart_group::restart{{}, {1}, 1s});
}

TEST_CASE("rest for one: those that were started later stop in reverse order and come back in order") {
  auto g = three(restart_strategy::rest_for_one);
  CHECK(g.ended(0, t0, 0) == restart_group::restart{{2, 1}, {0, 1, 2}, 1s});
  for (std::size_t i = 0; i < 3; ++i) g.started(i, t0 + 1s);
  CHECK(g.ended(2, t0 + 2s, 0) == restart_group::restart{{}, {2}, 2s});
}

TEST_CASE("who is down already is not stopped again") {
  auto g = three(restart_strategy::rest_for_one);
  g.ended(2, t0, 0);
  CHECK(g.ended(1, t0, 0) == restart_group::restart{{}, {1, 2}, 2s});
}

TEST_CASE("the budget is the group's, whoever ends") {
  auto g = three(restart_strategy::one_for_one);
  CHECK(g.ended(0, t0, 0));
  CHECK(g.ended(1, t0 + 1s, 0));
  CHECK_FALSE(g.ended(2, t0 + 2s, 0));
}

TEST_CASE("another life of the group: all of it, and as many restarts as at first") {
  auto g = three(restart_strategy::one_for_one);
  g.ended(0, t0, 0);
  g.started(0, t0 + 1s);
  g.ended(0, t0 + 2s, 0);
  CHECK_FALSE(g.ended(1, t0 + 3s, 0));
  CHECK(g.restart_all(5s) == restart_group::restart{{2}, {0, 1, 2}, 5s});
  for (std::size_t i = 0; i < 3; ++i) g.started(i, t0 + 8s);
  CHECK(g.ended(0, t0 + 9s, 0) == restart_group::restart{{}, {0}, 1s});
}

TEST_CASE("pauses double, spread by a fifth, and begin anew after a healthy minute") {
  auto g = three(restart_strategy::one_for_one, {100, 1h, 1s, 60s, 60s});
  auto at = t0;
  for (auto expected : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    auto r = g.ended(0, at, 0);
    REQUIRE(r);
    CHECK(r->pause == expected);
    at += r->pause;
    g.started(0, at);
  }
  CHECK(g.ended(0, at, 0.5)->pause == 66s);
  g.started(0, at + 66s);
  CHECK(g.ended(0, at + 66s + 60s, 0)->pause == 1s);
}
