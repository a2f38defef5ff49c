// sorted_turns_test.cpp: Blocks of turns are one sorted list. Method: comparison with std::set under random operations.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>
#include <set>

#include "actors/scheduler/sorted_turns.hpp"
#include "tests/support/samples.hpp"

using namespace reel;

namespace {

turn turn_of(int n) {
  return {sample::wall0 + std::chrono::milliseconds{n / 3}, sample::job(static_cast<std::uint64_t>(n))};
}

} // namespace

TEST_CASE("blocks equal a sorted set under any operations") {
  REQUIRE(rc::check([] {
    sorted_turns blocks;
    std::set<turn> set;
    auto seeds = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1 << 20));
    for (int seed : seeds)
      for (int i = 0; i < 30; ++i) { // enough for several blocks
        auto t = turn_of((seed * 31 + i * 977) % 700);
        t.is_next = t.id.bytes[15] % 5 == 0;
        if ((seed + i) % 3 != 0) {
          if (set.insert(t).second) blocks.insert(t);
        } else {
          set.erase(t);
          blocks.erase(t);
        }
      }
    RC_ASSERT(blocks.empty() == set.empty());
    std::size_t rank = 0;
    for (const auto& t : set) RC_ASSERT(blocks.rank(t) == rank++);
    while (!set.empty()) {
      RC_ASSERT(blocks.first() == *set.begin());
      blocks.erase(*set.begin());
      set.erase(set.begin());
    }
    RC_ASSERT(blocks.empty());
  }));
}

TEST_CASE("what is added in order is found in order") {
  sorted_turns blocks;
  for (int n = 0; n < 1000; ++n) blocks.insert(turn_of(n));
  for (int n = 0; n < 1000; ++n) {
    CHECK(blocks.rank(turn_of(999)) == static_cast<std::size_t>(999 - n));
    CHECK(blocks.first() == turn_of(n));
    blocks.erase(turn_of(n));
  }
}
