// autoscaler_test.cpp: Wanted workers stay within bounds, follow the work up at once and down late, never flap over a
// need that swings inside the margin, and want no less where there is more to do.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <rapidcheck.h>

#include "actors/scheduler/autoscaler.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const instant t0{1000s};
constexpr scaling_options minute{.drain_target = 60s, .cooldown = 30s, .margin = 0.25};
constexpr scaling_bounds up_to_ten{0, 10};

/// So much that this many workers are needed to do it in time.
work_load for_workers(double n) { return {60 * n, n > 0 ? std::size_t{1} : 0}; }

/// What is wanted after each second.
std::vector<std::uint32_t> run(const std::vector<double>& needs, scaling_bounds bounds = up_to_ten,
                               std::uint32_t present = 0) {
  autoscaler a{minute, present};
  std::vector<std::uint32_t> wanted;
  auto now = t0;
  for (auto n : needs) wanted.push_back(a.update(for_workers(n), bounds, now += 1s));
  return wanted;
}

std::vector<double> random_needs() {
  std::vector<double> needs;
  for (int n : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1500))) needs.push_back(n / 100.0);
  return needs;
}

} // namespace

TEST_CASE("more are wanted at once, fewer when the need was lower for the cooldown") {
  std::vector<double> needs(10, 4);
  needs.insert(needs.end(), 40, 1.5);
  auto wanted = run(needs);
  CHECK(wanted[0] == 4);
  CHECK(wanted[9] == 4);
  CHECK(wanted[39] == 4); // the last higher need is 30 s ago
  CHECK(wanted[40] == 2);
  CHECK(wanted.back() == 2);
}

TEST_CASE("a need that exceeds the present number by less than the margin wants no more") {
  CHECK(run({2, 2.25}) == std::vector<std::uint32_t>{2, 2});
  CHECK(run({2, 2.26}) == std::vector<std::uint32_t>{2, 3});
}

TEST_CASE("nothing to do wants the least, and something of unknown cost at least one") {
  CHECK(run({0, 0}) == std::vector<std::uint32_t>{0, 0});
  CHECK(run({0}, {2, 5}).back() == 2);
  autoscaler a{minute, 0};
  CHECK(a.update({0, 7}, up_to_ten, t0) == 1);
  CHECK(a.update({}, up_to_ten, t0 + 30s) == 1);
  CHECK(a.update({}, up_to_ten, t0 + 31s) == 0);
}

TEST_CASE("workers that are there at the beginning stay for a cooldown") {
  auto wanted = run(std::vector<double>(32, 0), up_to_ten, 3);
  CHECK(wanted[30] == 3);
  CHECK(wanted[31] == 0);
}

TEST_CASE("whatever the need, wanted workers stay within bounds that may change") {
  REQUIRE(rc::check([] {
    autoscaler a{minute, *rc::gen::inRange<std::uint32_t>(0, 20)};
    auto now = t0;
    for (auto n : random_needs()) {
      auto least = *rc::gen::inRange<std::uint32_t>(0, 5);
      scaling_bounds b{least, least + *rc::gen::inRange<std::uint32_t>(0, 8)};
      auto wanted = a.update(for_workers(n * 1e6), b, now += std::chrono::seconds{*rc::gen::inRange(0, 40)});
      RC_ASSERT(wanted >= b.least);
      RC_ASSERT(wanted <= b.most);
    }
  }));
}

TEST_CASE("a backlog that was never smaller never wants fewer workers") {
  REQUIRE(rc::check([] {
    auto small = random_needs(), large = small;
    for (auto& n : large) n += *rc::gen::inRange(0, 300) / 100.0;
    auto of_small = run(small), of_large = run(large);
    for (std::size_t i = 0; i < small.size(); ++i) RC_ASSERT(of_large[i] >= of_small[i]);
  }));
}

TEST_CASE("a need that swings by less than the margin changes the number once at most") {
  REQUIRE(rc::check([] {
    auto middle = *rc::gen::inRange(10, 900) / 100.0;
    std::vector<double> needs;
    for (int i = 0; i < 300; ++i) needs.push_back(middle + *rc::gen::inRange(-12, 13) / 100.0);
    auto wanted = run(needs);
    std::size_t changes = 0;
    for (std::size_t i = 31; i < wanted.size(); ++i) changes += wanted[i] != wanted[i - 1] ? 1 : 0;
    RC_ASSERT(changes <= std::size_t{1});
  }));
}

TEST_CASE("after a step the number is the one that is needed, a cooldown later at most") {
  REQUIRE(rc::check([] {
    auto needs = random_needs();
    auto last = *rc::gen::inRange(0, 1500) / 100.0;
    needs.insert(needs.end(), 32, last);
    auto wanted = run(needs).back();
    RC_ASSERT(wanted <= 10);
    auto exact = std::min(10.0, std::ceil(last));
    RC_ASSERT(wanted <= exact);
    RC_ASSERT(wanted >= std::min(10.0, std::ceil(last - 0.25)));
  }));
}
