// line_clocks_test.cpp: What the line makes of time: leases and pauses go by monotonic time alone. Virtual time; see
// line_world.hpp.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "tests/supervisor/line_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("a wall clock that is set an hour ahead or a day back ends no lease and holds up no retry") {
  auto jump = std::chrono::milliseconds{GENERATE(1h, -24h)};
  line_world w;
  auto first = w.submit(1), second = w.submit(2);
  w.pass(1s);
  REQUIRE(w.busy());
  w.crash(*w.busy());
  CHECK(w.record(first).state == job_state::retry_wait);
  w.clock_set_by = jump;
  w.pass(70s); // longer than any pause before a second execution, and than two leases
  REQUIRE(w.busy());
  w.clock_set_by = 0ms;
  w.pass(70s);
  for (int k = 0; k < 4; ++k)
    if (auto* b = w.busy()) w.finish(*b);
  for (const auto& id : {first, second}) {
    auto r = w.record(id);
    CHECK(r.state == job_state::succeeded);
    CHECK(r.fence <= 2);
    CHECK(r.attempts_used <= 1);
  }
}
