// job_table_test.cpp: The table of jobs is a map. Method: comparison with std::map under random operations, with ids
// that collide and with many that do not.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <rapidcheck.h>

#include "actors/scheduler/job_table.hpp"
#include "tests/support/samples.hpp"

using namespace reel;

namespace {

struct number {
  int n = 0;
  bool used() const { return n != 0; }
};

} // namespace

TEST_CASE("the table equals a map under any operations, growing and shrinking") {
  REQUIRE(rc::check([] {
    job_table<number> table;
    std::map<job_id, int> map;
    auto seeds = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1 << 20));
    for (int seed : seeds) {
      bool adds = seed % 4 != 0; // mostly; then it is emptied
      for (int i = 0; i < 40; ++i) {
        auto id = sample::job(static_cast<std::uint64_t>((seed + i * 7) % 500) << (seed % 2 * 40));
        if (adds && map.emplace(id, seed + 1).second) table.insert(id, {seed + 1});
        if (!adds && map.erase(id) != 0) table.erase(id);
      }
      RC_ASSERT(table.size() == map.size());
    }
    for (const auto& [id, n] : map) RC_ASSERT(table.find(id)->n == n);
    for (const auto& [id, n] : std::map{map}) {
      table.erase(id);
      map.erase(id);
      RC_ASSERT(!table.contains(id));
      if (!map.empty()) RC_ASSERT(table.find(map.begin()->first)->n == map.begin()->second);
    }
    RC_ASSERT(table.size() == 0);
  }));
}
