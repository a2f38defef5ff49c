// slot_test.cpp: One GPU slot through the lives of its processes. Virtual time.
#include <catch2/catch_test_macros.hpp>

#include "actors/supervisor/slot.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr instant t0{1000s};

slot ready_slot() {
  slot s{{"workers-1/0"}, {}};
  s.started(42, t0);
  s.ready({{"workers-1/0"}, {{"wan-small"}}, "cpu", 0}, t0);
  return s;
}

run_batch batch(std::uint64_t number, std::string model = "wan-small") {
  run_batch m;
  m.batch = sample::batch(number);
  m.jobs.resize(1);
  m.jobs[0].params.model = {std::move(model)};
  return m;
}

} // namespace

TEST_CASE("a slot takes batches up to its credits, and the same one twice as one") {
  auto s = ready_slot();
  CHECK(s.take(batch(1), t0) == errc::ok);
  CHECK(s.take(batch(1), t0) == errc::ok);
  CHECK(s.take(batch(2), t0) == errc::ok);
  CHECK(s.take(batch(3), t0) == errc::busy);
  s.release(sample::batch(1), t0);
  CHECK(s.take(batch(3), t0) == errc::ok);
}

TEST_CASE("a slot refuses what its process cannot run, and everything while there is none") {
  auto s = ready_slot();
  CHECK(s.take(batch(1, "other"), t0) == errc::unsupported);
  s.ended("killed", t0, 0);
  CHECK(s.take(batch(2), t0) == errc::busy);
}

TEST_CASE("a process that stays silent is noticed; one that still loads has longer") {
  auto s = ready_slot();
  CHECK_FALSE(s.is_silent(t0 + 5s));
  CHECK(s.is_silent(t0 + 6s));
  s.alive({}, t0 + 6s);
  CHECK_FALSE(s.is_silent(t0 + 10s));
  s.ended("killed", t0, 0);
  s.started(43, t0 + 20s);
  CHECK_FALSE(s.is_silent(t0 + 5min));
  CHECK(s.is_silent(t0 + 11min));
}

TEST_CASE("a slot that crashes again and again is ejected; its batches stay listed until they are acknowledged") {
  auto s = ready_slot();
  CHECK(s.take(batch(1), t0) == errc::ok);
  CHECK(s.ended("crash 1", t0, 0) == 1s);
  CHECK(s.has(sample::batch(1)));
  s.started(43, t0 + 1s);
  CHECK(s.ended("crash 2", t0 + 2s, 0) == 2s);
  s.started(44, t0 + 4s);
  CHECK(s.ended("crash 3", t0 + 5s, 0) == 4s);
  s.started(45, t0 + 9s);
  CHECK_FALSE(s.ended("crash 4", t0 + 10s, 0));
  CHECK(s.status().state == worker_state::ejected);
  CHECK(s.status().restarts == 3);
}

TEST_CASE("crashes far apart never eject a slot") {
  auto s = ready_slot();
  for (int i = 1; i <= 10; ++i) {
    auto at = t0 + i * 1h;
    CHECK(s.ended("crash", at, 0) == 1s);
    s.started(42 + i, at + 1s);
  }
}

TEST_CASE("the word of a process that has ended does not bring its slot back") {
  auto s = ready_slot();
  worker_ready late{{"workers-1/0"}, {{"wan-small"}}, "cpu", 0};
  s.ended("killed", t0, 0);
  CHECK_FALSE(s.ready(late, t0 + 1s));
  CHECK(s.status().state == worker_state::down);
  s.started(43, t0 + 2s);
  CHECK(s.ready(late, t0 + 3s));
}

TEST_CASE("a slot knows which of its batches the process has begun") {
  auto s = ready_slot();
  s.take(batch(1), t0);
  s.take(batch(2), t0);
  s.began(sample::batch(1), t0);
  s.began(sample::batch(3), t0); // not its own
  CHECK(s.has_begun(sample::batch(1)));
  CHECK_FALSE(s.has_begun(sample::batch(2)));
  CHECK_FALSE(s.has_begun(sample::batch(3)));
  s.release(sample::batch(1), t0);
  CHECK_FALSE(s.has_begun(sample::batch(1)));
}

TEST_CASE("a slot is idle from its start or its last batch on, and while it waits for another process") {
  auto s = ready_slot();
  CHECK(s.idle_since() == t0);
  s.take(batch(1), t0);
  CHECK_FALSE(s.idle_since());
  s.release(sample::batch(1), t0 + 5s);
  CHECK(s.idle_since() == t0 + 5s);
  s.release(sample::batch(1), t0 + 9s); // not there any more
  CHECK(s.idle_since() == t0 + 5s);
  s.ended("killed", t0 + 10s, 0);
  CHECK(s.idle_since() == instant{});
  s.started(43, t0 + 11s);
  CHECK_FALSE(s.idle_since());
}

TEST_CASE("a slot that is not wanted takes nothing and is not started again") {
  auto s = ready_slot();
  s.stop();
  CHECK(s.take(batch(1), t0) == errc::busy);
  CHECK_FALSE(s.idle_since());
  CHECK_FALSE(s.ended("killed", t0, 0));
  CHECK(s.status().state == worker_state::down);
  s.want();
  s.started(43, t0);
  CHECK(s.ready({{"workers-1/0"}, {{"wan-small"}}, "cpu", 0}, t0));
  CHECK(s.take(batch(1), t0) == errc::ok);
}

TEST_CASE("a death under a job that was there at another one is the job's, whatever else ran") {
  auto s = ready_slot();
  auto suspect = batch(1);
  suspect.jobs[0].suspect = true;
  for (int i = 1; i <= 10; ++i) {
    const auto at = t0 + i * 10s;
    REQUIRE(s.take(suspect, at) == errc::ok);
    s.began(suspect.batch, at);
    CHECK(s.ended("abort", at, 0) == 0s);
    CHECK(s.status().state == worker_state::down);
    s.release(suspect.batch, at);
    s.started(42 + i, at + 1s);
    s.ready({{"workers-1/0"}, {{"wan-small"}}, "cpu", 0}, at + 2s);
  }
  SECTION("one that only waited there is not to blame") {
    REQUIRE(s.take(batch(2), t0) == errc::ok);
    REQUIRE(s.take(suspect, t0) == errc::ok);
    s.began(sample::batch(2), t0);
  }
  SECTION("nor is one that has ended") {
    REQUIRE(s.take(suspect, t0) == errc::ok);
    s.began(suspect.batch, t0);
    s.release(suspect.batch, t0);
  }
  for (int i = 1; i <= 3; ++i) CHECK(s.ended("killed", t0 + 200s, 0));
  CHECK_FALSE(s.ended("killed", t0 + 200s, 0));
}

TEST_CASE("a process that dies before it could say what it began died under what it was given first") {
  auto s = ready_slot();
  for (std::uint64_t i : {1, 2}) REQUIRE(s.take(batch(i), t0) == errc::ok);
  CHECK(s.is_to_blame(sample::batch(1)));
  CHECK_FALSE(s.is_to_blame(sample::batch(2)));
  s.finished(sample::batch(1)); // its end is not acknowledged yet
  CHECK_FALSE(s.is_to_blame(sample::batch(1)));
  CHECK(s.is_to_blame(sample::batch(2)));
  s.began(sample::batch(2), t0);
  CHECK(s.is_to_blame(sample::batch(2)));
  CHECK_FALSE(s.is_to_blame(sample::batch(3)));
}

TEST_CASE("what a process computed at its end is known from what it kept of it, not from its last words") {
  auto s = ready_slot();
  for (std::uint64_t i : {1, 2}) REQUIRE(s.take(batch(i), t0) == errc::ok);
  s.began(sample::batch(1), t0); // rendered since, and being stored: that word was lost
  SECTION("the next one had begun") {
    s.was_computing({sample::batch(2)});
    CHECK_FALSE(s.is_to_blame(sample::batch(1)));
    CHECK(s.is_to_blame(sample::batch(2)));
    CHECK(s.together() == 0);
  }
  SECTION("it had joined") {
    s.was_computing({sample::batch(1), sample::batch(2)});
    CHECK(s.is_to_blame(sample::batch(1)));
    CHECK(s.is_to_blame(sample::batch(2)));
    CHECK(s.together() == 2);
  }
  SECTION("nothing was computed: then it died under what it had begun") {
    s.was_computing({});
    CHECK(s.is_to_blame(sample::batch(1)));
    CHECK_FALSE(s.is_to_blame(sample::batch(2)));
  }
  SECTION("only what has ended, or is not its own") {
    s.finished(sample::batch(1));
    s.was_computing({sample::batch(1), sample::batch(7)});
    CHECK_FALSE(s.is_to_blame(sample::batch(1)));
    CHECK(s.is_to_blame(sample::batch(2)));
  }
}

TEST_CASE("a slot that does its work between the deaths of its processes is not ejected") {
  auto s = ready_slot();
  for (int i = 1; i <= 20; ++i) {
    const auto at = t0 + i * 10s;
    CHECK(s.ended("killed", at, 0));
    s.started(42 + i, at + 1s);
    if (i % 3 == 0) s.did_well();
  }
  CHECK(s.status().state != worker_state::ejected);
}
