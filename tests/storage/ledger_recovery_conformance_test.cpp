// ledger_recovery_conformance_test.cpp: What every ledger keeps of what executions taught: marks of jobs, contents that
// were poison, models that stood in, and what operators forced. The same cases for SQLite and the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

namespace {

const recovery_mark suspect{.batch_cap = 1,
                            .suspect_count = 2,
                            .crash_workers = {{"workers-1/0"}, {"workers-2/1"}},
                            .light_attempts = 1,
                            .degraded = degrade_reason::none,
                            .canary = false};

template <class World> job_outcome marked(const typename World::lease& l, verdict v, const recovery_mark& mark) {
  auto o = World::how(l, v);
  o.cause = errc::crashed;
  o.recovery = mark;
  return o;
}

template <class World> grant_batch light_batch(World& w, const job_id& job, degrade_reason why) {
  auto m = w.batch_of({job});
  m.served_model = {"wan-light"};
  m.degrade = why;
  return m;
}

template <class World> job_id with_content(World& w, const std::string& content) {
  auto r = w.request();
  r.payload_sha256 = samples::sha256_of(content);
  REQUIRE(w.led.accept(r).code == errc::ok);
  return r.id;
}

} // namespace

LEDGER_TEST("a mark waits with its job, comes with its grants, and stays until another takes its place") {
  using world = ledger_world<TestType>;
  world w;
  auto l = w.leased();
  CHECK(w.end(l, marked<world>(l, verdict::retry, suspect)) == errc::ok);
  CHECK(w.led.read(l.job)->recovery == suspect);
  CHECK(w.led.unfinished()->jobs.at(0).recovery == suspect);
  auto m = w.batch_of({l.job});
  auto granted = w.led.grant(m)->jobs.at(0);
  CHECK(granted.recovery == suspect);
  l = {m.batch, l.job, granted.fence};
  CHECK(w.led.unfinished()->jobs.at(0).recovery == suspect); // a new scheduler adopts it

  CHECK(w.end(l, verdict::retry) == errc::ok); // says nothing of marks
  CHECK(w.led.read(l.job)->recovery == suspect);
  l = w.leased(l.job);
  CHECK(w.end(l, marked<world>(l, verdict::retry, {})) == errc::ok);
  CHECK(w.led.read(l.job)->recovery == recovery_mark{});
}

LEDGER_TEST("a mark goes with its job's end, but for a dead letter's, which people look at") {
  using world = ledger_world<TestType>;
  for (auto how : {verdict::succeeded, verdict::failed, verdict::cancelled, verdict::dead_letter}) {
    world w;
    auto l = w.leased();
    w.end(l, marked<world>(l, verdict::retry, suspect));
    l = w.leased(l.job);
    CHECK(w.end(l, how) == errc::ok);
    CHECK(w.led.read(l.job)->recovery == (how == verdict::dead_letter ? suspect : recovery_mark{}));
  }
}

LEDGER_TEST("the fallback serves who allows it, for a reason that stays with the job") {
  using world = ledger_world<TestType>;
  world w;
  auto job = w.accepted();
  CHECK(w.led.grant(light_batch(w, job, degrade_reason::none))->jobs.at(0).code == errc::stale);
  auto m = light_batch(w, job, degrade_reason::breaker);
  auto granted = w.led.grant(m)->jobs.at(0);
  REQUIRE(granted.code == errc::ok);
  CHECK(granted.recovery.degraded == degrade_reason::breaker);
  auto row = *w.led.read(job);
  CHECK(row.served_model == model_id{"wan-light"});
  CHECK(row.degraded);
  CHECK(row.degrade_reason == "breaker");

  typename world::lease l{m.batch, job, granted.fence};
  CHECK(w.end(l, verdict::retry) == errc::ok);
  CHECK(w.led.unfinished()->jobs.at(0).recovery.degraded == degrade_reason::breaker);
  auto again = light_batch(w, job, degrade_reason::overload);
  granted = w.led.grant(again)->jobs.at(0);
  CHECK(granted.recovery.degraded == degrade_reason::breaker);
  CHECK(w.end({again.batch, job, granted.fence}, verdict::succeeded) == errc::ok);
  row = *w.led.read(job);
  CHECK(row.degraded);
  CHECK(row.degrade_reason == "breaker");
  CHECK(row.request.params.model == model_id{"wan-small"});
}

LEDGER_TEST("what was saved on one model is forgotten when another stands in, and kept from then on") {
  using world = ledger_world<TestType>;
  world w;
  auto l = w.leased();
  w.end(l, w.paused(l, w.saved_of(l)));
  auto m = light_batch(w, l.job, degrade_reason::overload);
  auto granted = w.led.grant(m)->jobs.at(0);
  CHECK(granted.saved.is_none());
  l = {m.batch, l.job, granted.fence};
  auto later = w.saved_of(l, 3);
  w.end(l, w.paused(l, later));
  CHECK(w.led.grant(light_batch(w, l.job, degrade_reason::none))->jobs.at(0).saved == later);
}

LEDGER_TEST("the fallback never serves who keeps its model") {
  ledger_world<TestType> w;
  auto r = w.request();
  r.allow_degraded = false;
  REQUIRE(w.led.accept(r).code == errc::ok);
  CHECK(w.led.unfinished()->jobs.at(0).keeps_model);
  CHECK(w.led.grant(light_batch(w, r.id, degrade_reason::breaker))->jobs.at(0).code == errc::stale);
  CHECK(w.led.state_of(r.id) == job_state::queued);
  CHECK(w.led.read(r.id)->fence == 0);
  CHECK(w.leased(r.id).fence == 1);
}

LEDGER_TEST("what a degraded job took says nothing of its own model's jobs") {
  world_options o;
  o.limits.gpu_estimate = 60s;
  o.limits.tenants[{"acme"}].all.gpu_time_per_day = 1000s;
  ledger_world<TestType> w{o};
  auto job = w.accepted();
  auto m = light_batch(w, job, degrade_reason::breaker);
  auto granted = w.led.grant(m)->jobs.at(0);
  typename ledger_world<TestType>::lease l{m.batch, job, granted.fence};
  CHECK(w.end(l, verdict::succeeded) == errc::ok);
  CHECK(w.led.quota()->all.settled_ms == 100); // as the fallback took
  w.accepted();
  CHECK(w.led.quota()->all.reserved_ms == 60'000);
}

LEDGER_TEST("a content that was poison runs as a canary for a day, or until one succeeds") {
  using world = ledger_world<TestType>;
  world w;
  auto waits = with_content(w, "bad"), other = with_content(w, "good");
  auto l = w.leased(with_content(w, "bad"));
  auto dead = marked<world>(l, verdict::dead_letter, suspect);
  dead.cause = errc::poison;
  CHECK(w.end(l, dead) == errc::ok);
  CHECK(w.led.read(l.job)->error == errc::poison);

  CHECK(w.leased(other).fence == 1);
  CHECK(w.led.grant(w.batch_of({waits}))->jobs.at(0).code == errc::stale);
  auto row = *w.led.read(waits);
  CHECK(row.state == job_state::queued);
  CHECK(row.recovery.canary);
  CHECK(row.recovery.batch_cap == 1);
  auto canary = w.leased(waits); // from then on it is known to be one
  SECTION("fails") {
    CHECK(w.end(canary, verdict::failed) == errc::ok);
    auto next = with_content(w, "bad");
    CHECK(w.led.grant(w.batch_of({next}))->jobs.at(0).code == errc::stale);
    w.clock.advance(24h);
    CHECK(w.leased(with_content(w, "bad")).fence == 1);
  }
  SECTION("succeeds") {
    CHECK(w.end(canary, verdict::succeeded) == errc::ok);
    CHECK(w.leased(with_content(w, "bad")).fence == 1);
  }
}

LEDGER_TEST("a content that was poison on one model may run on another") {
  using world = ledger_world<TestType>;
  world w;
  auto l = w.leased(with_content(w, "bad"));
  auto dead = marked<world>(l, verdict::dead_letter, suspect);
  dead.cause = errc::poison;
  CHECK(w.end(l, dead) == errc::ok);
  auto next = with_content(w, "bad");
  CHECK(w.led.grant(light_batch(w, next, degrade_reason::overload))->jobs.at(0).code == errc::ok);
}

LEDGER_TEST("orders to breakers are kept until they are reset") {
  ledger_world<TestType> w;
  CHECK(w.led.breakers()->all.empty());
  const auto since = w.clock.now();
  CHECK(w.led.breaker("wan", breaker_order::open, "NVIDIA H100"));
  CHECK(w.led.breaker("wan", breaker_order::close));
  auto all = w.led.breaker("tiny", breaker_order::open)->all;
  const std::vector<breaker_override> expected{{{"tiny"}, "", breaker_order::open, {"ops"}, since},
                                               {{"wan"}, "", breaker_order::close, {"ops"}, since},
                                               {{"wan"}, "NVIDIA H100", breaker_order::open, {"ops"}, since}};
  CHECK(all == expected);
  CHECK(w.led.breakers()->all == expected);
  CHECK(w.led.breaker("wan", breaker_order::reset, "NVIDIA H100")->all.size() == 2);
  w.led.breaker("wan", breaker_order::open, "cpu");
  CHECK(w.led.breaker("wan", breaker_order::reset)->all.size() == 1);
  CHECK(w.led.breaker("no name", breaker_order::open).error() == errc::invalid_argument);
  CHECK(w.led.breaker("wan", breaker_order::open, std::string(129, 'x')).error() == errc::invalid_argument);
}

LEDGER_TEST("what happens to the cluster is noted for its leader, and for nobody else") {
  ledger_world<TestType> w;
  const auto term = w.term();
  CHECK(w.led.note({{note_kind::member, note_state::up, "workers-1", {}, {}, 0}}, term).has_value());
  CHECK(w.led.note({}, term).has_value());
  CHECK(w.led.note({}, term + 1).error() == errc::not_leader);
  CHECK(w.led.note({}, 0).error() == errc::not_leader);
  CHECK(w.led.note(std::vector<cluster_note>(notes_max + 1), term).error() == errc::invalid_argument);
}
