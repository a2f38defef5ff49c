// ledger_saved_run_conformance_test.cpp: What every ledger does with the saved run of a paused job: how long it is
// kept, who gets it, and how long its objects are. The same cases for SQLite and the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

LEDGER_TEST("a paused job waits with its saved run, uncounted, and is granted with it") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto run = w.saved_of(l);
  CHECK(w.end(l, w.paused(l, run)) == errc::ok);
  auto row = *w.led.read(l.job);
  CHECK(row.state == job_state::retry_wait);
  CHECK(row.attempts_used == 0);
  CHECK_FALSE(row.not_before);
  CHECK(w.led.unfinished()->jobs.at(0).saved_steps == 7);
  CHECK(w.led.grant(w.batch_of({l.job}))->jobs.at(0).saved == run);
}

LEDGER_TEST("a saved run is kept over retries until another takes its place or it is of no use") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto run = w.saved_of(l);
  w.end(l, w.paused(l, run));
  auto granted = [&] {
    auto m = w.batch_of({l.job});
    auto job = w.led.grant(m)->jobs.at(0);
    l = {m.batch, l.job, job.fence};
    return job.saved;
  };
  CHECK(granted() == run);
  w.end(l, verdict::retry); // crashed, say
  CHECK(granted() == run);
  w.end(l, w.paused(l, {})); // before it could do anything
  CHECK(granted() == run);

  auto later = w.saved_of(l, 12);
  w.end(l, w.paused(l, later));
  CHECK(w.led.unfinished()->jobs.at(0).saved_steps == 12);
  CHECK(granted() == later);

  auto useless = w.how(l, verdict::retry);
  useless.forget_saved = true;
  w.end(l, useless);
  CHECK(w.led.unfinished()->jobs.at(0).saved_steps == 0);
  CHECK(granted().is_none());

  auto fresh = w.paused(l, w.saved_of(l, 3)); // from the start, because the other was of no use, and stopped again
  fresh.forget_saved = true;
  w.end(l, fresh);
  CHECK(granted() == fresh.saved);
}

LEDGER_TEST("a saved run under a key that no worker makes is not kept") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto video = make_object_key(object_prefix({"acme"}, l.job, 1, 1), artifact::video, samples::sha256_of("video"));
  for (const auto& key : {video, std::string{"../../etc/passwd"}}) {
    w.end(l, w.paused(l, {key, 10, 3}));
    CHECK(w.led.unfinished()->jobs.at(0).saved_steps == 0);
    l = w.leased(l.job);
  }
}

LEDGER_TEST("all parts of a saved run are referenced until the last job that goes on from it has ended") {
  ledger_world<TestType> w;
  auto first = w.accepted(), second = w.accepted();
  auto m = w.batch_of({first, second});
  REQUIRE(w.led.grant(m));
  typename ledger_world<TestType>::lease l{m.batch, first, 1}, other{m.batch, second, 1};
  const object_key_parts part{{"acme"}, first, 1, 1, artifact::saved_run, samples::sha256_of("a part")};
  auto other_fence = part, video = part, others = part;
  other_fence.fence = 2;
  video.kind = artifact::video;
  others.job = second;
  const std::vector all{part, other_fence, video, others};
  CHECK(*w.led.referenced(all) == std::vector{true, false, true, true}); // it may be on its way

  auto run = w.saved_of(l);
  w.end(l, w.paused(l, run));
  w.end(other, w.paused(other, run));
  CHECK(*w.led.referenced(all) == std::vector{true, false, false, false});
  w.remove(first);
  CHECK(*w.led.referenced(all) == std::vector{true, false, false, false});
  auto again = w.leased(second);
  CHECK(*w.led.referenced({part}) == std::vector{true});
  SECTION("succeeded") { w.end(again, verdict::succeeded); }
  SECTION("failed") { w.end(again, verdict::failed); }
  SECTION("cancelled") {
    w.cancel(second);
    w.end(again, w.paused(again, run));
  }
  SECTION("waiting and cancelled") {
    w.end(again, verdict::retry);
    w.cancel(second);
  }
  SECTION("of no use") {
    auto o = w.how(again, verdict::retry);
    o.forget_saved = true;
    w.end(again, o);
  }
  CHECK(*w.led.referenced({part}) == std::vector{false});
}
