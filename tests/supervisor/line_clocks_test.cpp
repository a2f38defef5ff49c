// line_clocks_test.cpp: Leases and ends in time: they go by monotonic time alone, and are kept until they can be
// written. Virtual time; see line_world.hpp.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "tests/supervisor/line_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("renewals are numbered and say which of them came back; those of an adopted batch begin at once") {
  line_world w;
  w.submit(1);
  w.pass(200ms);
  auto* worker = w.busy();
  REQUIRE(worker);
  w.pass(16s);
  /// Numbers rise from one, and what came back is known two renewals later at the latest.
  auto check = [&](std::size_t least) {
    std::uint32_t number = 0;
    for (const auto& r : std::exchange(worker->renewals, {})) {
      CHECK(r.number == ++number);
      CHECK(r.acknowledged < r.number);
      CHECK(r.acknowledged + 2 >= r.number);
    }
    CHECK(number >= least);
  };
  check(3);
  w.restart_scheduler();
  worker->renewals.clear();
  w.restart_scheduler();
  w.pass(2s);
  check(2);
  w.finish(*worker);
}

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
    CHECK(r.fence == 2); // the crash, and nothing else
    CHECK(r.attempts_used == 2);
  }
}

TEST_CASE("an end that comes while the scheduler is away is told again") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  auto* worker = w.busy();
  REQUIRE(worker);
  w.restart_scheduler();
  w.finish(*worker);
  w.pass(5s);
  CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.record(id).committed_fence == 1);
}

TEST_CASE("while the ledger cannot take ends, they are kept and written when it can") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  w.ledger_down = true;
  w.finish(*w.busy());
  w.pass(20s);
  CHECK(w.record(id).state == job_state::leased);
  w.ledger_down = false;
  w.pass(2s);
  CHECK(w.record(id).state == job_state::succeeded);
}

TEST_CASE("without renewals a lease ends and the job runs elsewhere; the late result is refused") {
  line_world w{{}, 2};
  auto id = w.submit(1);
  w.pass(200ms);
  auto* late = w.busy();
  REQUIRE(late);
  caf::anon_send_exit(late->node, caf::exit_reason::kill); // the node freezes for good
  auto batch = late->batches.front();
  late->batches.clear();
  for (int k = 0; k < 200 && !w.busy(); ++k) w.pass(500ms);
  REQUIRE(w.busy());
  CHECK(w.record(id).fence == 2);
  w.late_result(batch);
  CHECK(w.record(id).state == job_state::leased);
  w.finish(*w.busy());
  CHECK(w.record(id).committed_fence == 2);
}
