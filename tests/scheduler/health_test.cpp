// health_test.cpp: What the scheduler does while a model or a worker keeps failing: circuit breakers, probes, ejection.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "tests/scheduler/core_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr auto state_of = [](const core_world& w, std::size_t i = 0) { return w.core.breakers(w.now).at(i).state; };

void fail_as_model(core_world& w, const planned_batch& b) { w.fail(b, {}, w.wall + 1h, 0, health_sign::bad); }

/// Jobs that come one by one, and fail alone.
void fail_some(core_world& w, std::uint64_t count) {
  for (std::uint64_t n = 1; n <= count; ++n) {
    w.queue(n, n);
    auto b = w.plan().batches.at(0);
    w.grant(b);
    fail_as_model(w, b);
  }
}

/// A model that failed five times on the one worker there is.
void open_breaker(core_world& w) {
  w.workers(1);
  fail_some(w, 5);
  REQUIRE(state_of(w) == breaker_state::open);
}

std::vector<worker_status> on(const std::string& device, int first, int count) {
  std::vector<worker_status> all;
  for (int i = first; i < first + count; ++i) {
    all.push_back(sample::ready_worker("workers-1/" + std::to_string(i), 1));
    all.back().device = device;
  }
  return all;
}

} // namespace

TEST_CASE("a model that keeps failing gets nothing, and its jobs say why they wait") {
  core_world w{{.batch_max = 1}};
  open_breaker(w);
  w.queue(10, 12);
  auto held = w.plan();
  CHECK(held.batches.empty());
  REQUIRE(held.wake_at);
  CHECK(*held.wake_at - w.now >= 30s);
  CHECK(*held.wake_at - w.now <= 36s);
  auto why = w.core.explain(sample::job(10), w.now, w.wall);
  CHECK(why.why == wait_reason::breaker);
  CHECK(why.breaker == breaker_state::open);
  CHECK(why.breaker_failures == 5);
  CHECK(why.breaker_attempts == 5);
  REQUIRE(why.not_before);
  CHECK(to_string(why).find("the circuit breaker of its model is open, 5 of 5 attempts failed") != std::string::npos);
  auto events = w.core.take_breaker_events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].what.to == breaker_state::open);

  w.core.add(sample::waiting(20, job_class::standard, sample::key(64, "wan-tiny")), w.now); // another model
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("half open, single jobs probe it two at a time, and good ones close it") {
  core_world w;
  open_breaker(w);
  w.workers(8);
  w.queue(10, 40);
  w.pass(36s);
  auto probes = w.plan().batches;
  REQUIRE(probes.size() == 2);
  for (const auto& p : probes) {
    CHECK(p.probe);
    CHECK(p.jobs.size() == 1);
    w.grant(p);
  }
  CHECK(w.plan().batches.empty());
  w.succeed(probes[0]);
  w.succeed(probes[1]);
  auto third = w.plan().batches;
  REQUIRE_FALSE(third.empty());
  w.grant(third[0]);
  w.succeed(third[0]);
  CHECK(state_of(w) == breaker_state::closed);
  CHECK(w.plan().batches.empty()); // slowly: one more runs, of eight workers
  w.pass(60s);
  auto all = w.plan().batches;
  CHECK(all.size() == 7);
  CHECK_FALSE(all[0].probe);
  CHECK(all[0].jobs.size() == 4);
}

TEST_CASE("one bad probe opens it again, and what was under way before says nothing any more") {
  core_world w{{.batch_max = 1}};
  w.workers(6);
  w.queue(1, 6);
  auto all = w.plan().batches;
  REQUIRE(all.size() == 6);
  for (const auto& b : all) w.grant(b);
  for (std::size_t i = 0; i < 5; ++i) fail_as_model(w, all[i]);
  REQUIRE(state_of(w) == breaker_state::open);
  w.succeed(all[5]);
  CHECK(state_of(w) == breaker_state::open);
  w.queue(10, 11);
  w.pass(36s);
  auto probe = w.plan().batches.at(0);
  w.grant(probe);
  fail_as_model(w, probe);
  CHECK(state_of(w) == breaker_state::open);
  CHECK(w.core.breakers(w.now)[0].openings == 2);
}

TEST_CASE("probes are jobs that no batch crashed under, where there are any") {
  core_world w{{.batch_max = 1}};
  open_breaker(w);
  w.workers(2);
  auto suspect = sample::waiting(10);
  suspect.recovery.batch_cap = 1;
  w.core.add(suspect, w.now);
  w.pass(36s);
  SECTION("there is one") {
    w.queue(11, 11);
    auto probes = w.plan().batches;
    REQUIRE(probes.size() == 2);
    CHECK(probes[0].jobs[0].id == sample::job(11));
    CHECK(probes[1].jobs[0].id == sample::job(10));
  }
  SECTION("there is none: better than waiting for ever") {
    auto probes = w.plan().batches;
    REQUIRE(probes.size() == 1);
    CHECK(probes[0].probe);
  }
}

TEST_CASE("an urgent job that is to be no probe yet does not stop the one that runs") {
  core_world w{{.batch_max = 1}};
  open_breaker(w);
  w.pass(36s);
  w.queue(11, 11);
  auto probe = w.plan().batches.at(0);
  w.grant(probe);
  auto suspect = sample::waiting(10, job_class::urgent);
  suspect.recovery.batch_cap = 1;
  w.core.add(suspect, w.now);
  w.pass(1s);
  CHECK(w.plan().preempt.empty());
  w.core.add(sample::waiting(12, job_class::urgent), w.now);
  CHECK(w.plan().preempt.size() == 1);
}

TEST_CASE("a canary is a probe only where nothing else waits") {
  core_world w{{.batch_max = 1}};
  open_breaker(w);
  auto canary = sample::waiting(10);
  canary.recovery = {.batch_cap = 1, .canary = true};
  w.core.add(canary, w.now);
  CHECK(w.plan().batches.empty());
  w.pass(36s);
  SECTION("there is another") { w.queue(11, 11); }
  SECTION("there is none: better than waiting for ever") {}
  auto probes = w.plan().batches;
  REQUIRE(probes.size() == 1);
  CHECK(probes[0].probe);
  CHECK(probes[0].jobs[0].id == (w.core.view().waiting_in_all() > 0 ? sample::job(11) : sample::job(10)));
}

TEST_CASE("one content that keeps failing closes its model to nobody") {
  core_world w{{.batch_max = 1}};
  w.workers(1);
  w.queue(1, 10);
  for (int i = 0; i < 10; ++i) {
    auto b = w.plan().batches.at(0);
    granted_job g{errc::ok, 1, 1};
    g.request.id = b.jobs[0].id;
    g.request.payload_sha256.bytes.fill(7);
    w.core.granted(b.id, {g});
    fail_as_model(w, b);
  }
  CHECK(state_of(w) == breaker_state::closed);
}

TEST_CASE("where one class of GPU fails another goes on") {
  core_world w{{.batch_max = 1}};
  w.core.reported(sample::report(on("old", 0, 1)), w.now);
  fail_some(w, 5);
  auto both = on("old", 0, 1);
  both.push_back(on("new", 1, 1)[0]);
  w.core.reported(sample::report(both), w.now);
  w.queue(10, 11);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].worker.value == "workers-1/1");
  CHECK(w.core.explain(sample::job(11), w.now, w.wall).why != wait_reason::breaker);
}

TEST_CASE("no batch is stopped for an urgent job whose model gets nothing anyway") {
  core_world w{{.batch_max = 1}};
  open_breaker(w);
  w.core.add(sample::waiting(10, job_class::free, sample::key(64, "wan-tiny")), w.now);
  auto running = w.plan().batches.at(0);
  w.grant(running);
  w.core.add(sample::waiting(11, job_class::urgent), w.now);
  CHECK(w.plan().preempt.empty());
}

TEST_CASE("orders hold until reset") {
  core_world w{{.batch_max = 1}};
  w.workers(1);
  w.queue(1, 1);
  w.core.obey(breaker_overrides{{{{"wan-small"}, "", breaker_order::open, {"ops"}, {}}}}, w.now);
  CHECK(w.plan().batches.empty());
  auto why = w.core.explain(sample::job(1), w.now, w.wall);
  CHECK(why.why == wait_reason::breaker);
  CHECK(why.breaker == breaker_state::forced_open);
  CHECK_FALSE(why.not_before);
  w.pass(24h);
  CHECK(w.plan().batches.empty());
  w.core.obey(breaker_overrides{}, w.now);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("a worker that fails three times in a row where another does not is left alone for a while") {
  core_world w{{.avoid_for = 0ms, .batch_max = 1}};
  w.workers(2);
  w.queue(1, 60);
  const worker_id bad{"workers-1/0"};
  int failures = 0;
  while (failures < 3)
    for (const auto& b : w.plan().batches) {
      w.grant(b);
      if (b.worker != bad) {
        w.succeed(b);
        continue;
      }
      w.core.closed(b.id, {{b.jobs[0].id, 1, 0, w.wall + 1h}}, {}, w.now, {.failed = true});
      ++failures;
    }
  for (const auto& s : w.core.workers()) CHECK((s.state == worker_state::ejected) == (s.id == bad));
  auto next = w.plan();
  REQUIRE(next.batches.size() == 1);
  CHECK(next.batches[0].worker != bad);
  REQUIRE(next.wake_at);
  w.pass(30s);
  auto again = w.plan().batches;
  REQUIRE(again.size() == 1);
  CHECK(again[0].worker == bad);
}

TEST_CASE("a worker that fails only under jobs that failed elsewhere is not left alone") {
  core_world w{{.avoid_for = 0ms, .batch_max = 1}};
  w.workers(2);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    auto suspect = sample::waiting(n);
    suspect.recovery.batch_cap = 1;
    w.core.add(suspect, w.now);
  }
  for (int pass = 0; pass < 10; ++pass)
    for (const auto& b : w.plan().batches) {
      w.grant(b);
      w.core.closed(b.id, {}, {}, w.now, {.failed = true});
    }
  for (const auto& s : w.core.workers()) CHECK(s.state == worker_state::ready);
}

TEST_CASE("a worker that was left alone is back in time, also while nothing waits") {
  core_world w{{.avoid_for = 0ms, .batch_max = 1}};
  w.workers(2);
  w.queue(1, 60);
  const worker_id bad{"workers-1/0"};
  auto is_alone = [&] {
    const auto all = w.core.workers();
    return std::ranges::any_of(all, [](const auto& s) { return s.state == worker_state::ejected; });
  };
  while (!is_alone())
    for (const auto& b : w.plan().batches) {
      w.grant(b);
      if (b.worker == bad)
        w.core.closed(b.id, {{b.jobs[0].id, 1, 0, w.wall + 1h}}, {}, w.now, {.failed = true});
      else
        w.succeed(b);
    }
  for (std::uint64_t i = 1; i <= 60; ++i) w.core.cancel(sample::job(i));
  w.plan();
  CHECK(is_alone());
  w.pass(30s);
  w.plan();
  CHECK_FALSE(is_alone());
}

TEST_CASE("the only worker of its kind is never left alone") {
  core_world w{{.avoid_for = 0ms, .batch_max = 1}};
  w.workers(1);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    w.queue(n, n);
    auto b = w.plan().batches.at(0);
    w.grant(b);
    w.core.closed(b.id, {}, {}, w.now, {.failed = true});
  }
  w.queue(5, 5);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("a batch whose worker has not reported has no breaker of a class of GPU that nobody has") {
  core_world w{{.batch_max = 1}};
  for (std::uint64_t n = 1; n <= 6; ++n) {
    auto leased = sample::waiting(n);
    leased.state = job_state::leased;
    leased.batch = w.ids.next<batch_id>(w.wall);
    leased.worker = {"workers-1/0"};
    w.core.add(leased, w.now);
    REQUIRE(w.core.adopt(leased.batch, leased.worker, w.now)); // its end came first, after a restart of ours
    w.core.closed(leased.batch, {}, {}, w.now, {.sign = health_sign::bad});
  }
  CHECK(w.core.breakers(w.now).empty());
  w.workers(1);
  w.queue(10, 10);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("a suspected job is told from an outage by whether another one did well since it failed") {
  core_world w;
  w.workers(1);
  auto begin = [&w](std::uint64_t n) {
    w.queue(n, n);
    auto b = w.plan().batches.at(0);
    CHECK_FALSE(b.others_do_well);
    w.grant(b);
    w.pass(1s);
    return b;
  };
  auto fail = [&w](const planned_batch& b) {
    w.fail(b, {.batch_cap = 1, .suspect_count = 1}, w.wall + 1min, 1, health_sign::bad);
    w.pass(1s);
  };
  w.succeed(begin(1)); // long before
  w.pass(1s);
  fail(begin(2));
  bool is_outage = true;
  SECTION("nothing else ran") {}
  SECTION("what else ran failed too") { fail(begin(3)); }
  SECTION("another one did well") {
    w.succeed(begin(3));
    is_outage = false;
  }
  w.pass(1min);
  auto again = w.plan().batches.at(0);
  CHECK(again.jobs.at(0).id == sample::job(2));
  CHECK(again.others_do_well != is_outage);
}
