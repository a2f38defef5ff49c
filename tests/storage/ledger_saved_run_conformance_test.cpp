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

namespace {

batch_saved checkpoint(const batch_id& batch, const job_id& job, std::uint32_t fence, const saved_run& run) {
  return {batch, {{job, fence, run}}};
}

} // namespace

LEDGER_TEST(
    "what a running job has kept is its own at once, and stays over a crash, a restart of its scheduler and all") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto run = w.saved_of(l, 4);
  CHECK(w.led.saved(checkpoint(l.batch, l.job, l.fence, run))->released.empty());
  CHECK(w.led.unfinished()->jobs.at(0).saved_steps == 4);
  w.new_term();
  w.end(l, verdict::retry);
  auto granted = w.led.grant(w.batch_of({l.job}))->jobs.at(0);
  CHECK(granted.saved == run);
  const auto events = w.led.inspect(l.job)->events;
  CHECK(events.at(1).from_step == 0);
  CHECK(events.back().kind == event_kind::granted);
  CHECK(events.back().from_step == 4);
}

LEDGER_TEST("who replaces or ends a saved run hears that no other job has it") {
  ledger_world<TestType> w;
  auto first = w.accepted(), second = w.accepted();
  auto m = w.batch_of({first, second});
  REQUIRE(w.led.grant(m));
  typename ledger_world<TestType>::lease l{m.batch, first, 1}, other{m.batch, second, 1};
  const auto a = w.saved_of(l, 4), b = w.named_run(l, "later", 8);
  auto both = [&](const saved_run& run) { return batch_saved{m.batch, {{first, 1, run}, {second, 1, run}}}; };
  CHECK(w.led.saved(both(a))->released.empty());
  CHECK(w.led.saved(both(a))->released.empty()); // again
  CHECK(w.led.saved(both(b))->released == std::vector{a.key});
  CHECK(w.led.saved(checkpoint(m.batch, first, 1, a))->released.empty()); // the second still has b
  CHECK(w.led.saved(checkpoint(m.batch, second, 1, a))->released == std::vector{b.key});

  auto ended = *w.led.end({w.term(), m.batch, {w.how(l, verdict::succeeded)}});
  CHECK(ended.released.empty());
  CHECK(ended.saved_steps == std::vector{0});
  ended = *w.led.end({w.term(), m.batch, {w.how(other, verdict::retry)}});
  CHECK(ended.released.empty());
  CHECK(ended.saved_steps == std::vector{4});
  auto again = w.leased(second);
  auto how = w.how(again, verdict::retry);
  SECTION("succeeded") { how.how = verdict::succeeded; }
  SECTION("dead") { how.how = verdict::dead_letter; }
  SECTION("of no use") { how.forget_saved = true; }
  SECTION("cancelled") {
    w.cancel(second);
    how.how = verdict::succeeded;
  }
  ended = *w.led.end({w.term(), again.batch, {how}});
  CHECK(ended.released == std::vector{a.key});
  CHECK(ended.saved_steps == std::vector{0});
}

LEDGER_TEST("only the execution that goes on keeps something, and only a saved run") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto kept = [&] { return w.led.unfinished()->jobs.at(0).saved_steps; };
  auto run = w.saved_of(l, 4);
  w.led.saved(checkpoint(l.batch, l.job, l.fence - 1, run));
  CHECK(kept() == 0);
  w.led.saved(checkpoint(w.batch_of({l.job}).batch, l.job, l.fence, run));
  CHECK(kept() == 0);
  auto video = make_object_key(object_prefix({"acme"}, l.job, 1, 1), artifact::video, samples::sha256_of("video"));
  w.led.saved(checkpoint(l.batch, l.job, l.fence, {video, 10, 4}));
  CHECK(kept() == 0);
  w.end(l, verdict::retry);
  w.led.saved(checkpoint(l.batch, l.job, l.fence, run)); // it is over
  CHECK(kept() == 0);
  auto next = w.leased(l.job);
  w.cancel(l.job);
  w.led.saved(checkpoint(next.batch, l.job, next.fence, run));
  CHECK(kept() == 0);
}
