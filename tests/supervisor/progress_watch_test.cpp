// progress_watch_test.cpp: What is stuck is told from what is slow, in virtual time.
#include <catch2/catch_test_macros.hpp>

#include "actors/supervisor/progress_watch.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// A process that says once a second how it is.
struct process {
  explicit process(progress_watch::options o = {}) : watch{o} { watch.started(now); }

  void take(std::uint64_t number, std::chrono::milliseconds expected = 0ms, int steps = 10) {
    run_batch m;
    m.batch = sample::batch(number);
    m.expected = expected;
    m.jobs.resize(1);
    m.jobs[0].params.steps = steps;
    watch.took(m, now);
  }
  void begin(std::uint64_t number) { watch.began(sample::batch(number), now); }
  void end(std::uint64_t number) { watch.rendered(sample::batch(number), now); }
  /// Lives for so long, in which it moves once every `step`; whether no fault is found with that.
  bool runs(std::chrono::seconds time, std::chrono::seconds step = 1000h) {
    for (auto t = 1s; t <= time; t += 1s) {
      now += 1s;
      watch.heard(t % step == 0s ? ++progress : progress, now);
      if (watch.trouble(now)) return false;
    }
    return true;
  }
  /// One batch from begin to end, so that it is warm.
  process& warmed() {
    take(99);
    begin(99);
    CHECK(runs(20s, 1s));
    end(99);
    return *this;
  }

  progress_watch watch;
  instant now{1000s};
  std::uint64_t progress = 0;
};

} // namespace

TEST_CASE("a process without work may stand still for ever") {
  process p;
  CHECK(p.runs(2h));
  CHECK(p.warmed().runs(2h));
}

TEST_CASE("a warm process that computes and stands still is in trouble after half a minute") {
  process p;
  p.warmed().take(1);
  p.begin(1);
  CHECK(p.runs(30s));
  CHECK_FALSE(p.runs(2s));
  CHECK(*p.watch.trouble(p.now) == "no progress for 31 s, allowed are 30 s");
}

TEST_CASE("a cold process has longer, until it has done a batch") {
  process p;
  p.take(1);
  p.begin(1);
  CHECK(p.runs(119s));
  CHECK_FALSE(p.runs(3s));
}

TEST_CASE("a batch that never began and left does not make a process warm") {
  process p;
  p.take(1);
  p.end(1);
  p.take(2);
  p.begin(2);
  CHECK(p.runs(119s));
}

TEST_CASE("every step gives it the whole time again") {
  process p;
  p.warmed().take(1);
  p.begin(1);
  CHECK(p.runs(20min, 25s));
}

TEST_CASE("who computes slowly has 8 times what its steps took") {
  process p;
  p.take(1);
  p.begin(1);
  CHECK(p.runs(25min, 20s)); // 64 and more steps of 20 s: all that is remembered
  p.end(1);
  p.take(2);
  p.begin(2);
  CHECK(p.runs(159s));
  CHECK_FALSE(p.runs(3s));
}

TEST_CASE("who is foretold to compute slowly has 8 times the foretold step") {
  process p;
  p.warmed().take(1, 1000s, 10);
  p.begin(1);
  CHECK(p.runs(800s));
  CHECK_FALSE(p.runs(2s));
}

TEST_CASE("a few slow moves among many quick ones do not make it patient") {
  process p;
  p.warmed().take(1);
  p.begin(1);
  CHECK(p.runs(29s, 29s));
  CHECK(p.runs(60s, 1s));
  CHECK(p.runs(30s));
  CHECK_FALSE(p.runs(2s));
}

TEST_CASE(
    "a batch that is given to a process and does not begin, though nothing else is computed, shows that it is stuck") {
  process p;
  p.warmed().take(1);
  CHECK(p.runs(120s));
  CHECK_FALSE(p.runs(2s));
  CHECK(*p.watch.trouble(p.now) == "a batch has waited to begin for 121 s, allowed are 120 s");
}

TEST_CASE("a batch may wait behind another for as long as that takes") {
  process p;
  p.take(1);
  p.take(2);
  p.begin(1);
  CHECK(p.runs(20min, 10s));
  p.end(1);
  CHECK(p.runs(120s));
  p.begin(2);
  CHECK(p.runs(20min, 10s));
}

TEST_CASE("a batch that is computed for too long is in trouble, whatever it moves") {
  process p;
  p.take(1);
  p.begin(1);
  CHECK(p.runs(30min, 10s));
  CHECK_FALSE(p.runs(3s, 1s));
  CHECK(*p.watch.trouble(p.now) == "a batch has run for 1801 s, allowed are 1800 s");
}

TEST_CASE("a batch that is computed for 4 times what was foretold is in trouble, whatever it moves") {
  process p;
  p.take(1, 100s, 100);
  p.begin(1);
  CHECK(p.runs(400s, 1s));
  CHECK_FALSE(p.runs(2s, 1s));
  CHECK(*p.watch.trouble(p.now) == "a batch has run for 401 s, allowed are 400 s");
}

TEST_CASE("the time of a batch is at least a minute and at most half an hour, or twice what was foretold") {
  process p;
  auto runs_for = [&p](std::chrono::milliseconds expected, std::chrono::seconds allowed) {
    p.take(1, expected, 1000);
    p.begin(1);
    CHECK(p.runs(allowed, 5s));
    CHECK_FALSE(p.runs(7s, 5s));
  };
  SECTION("a short one") { runs_for(1s, 1min); }
  SECTION("a long one") { runs_for(10min, 30min); }
  SECTION("a very long one") { runs_for(40min, 80min); }
}

TEST_CASE("a batch whose files only wait for the store is not watched") {
  process p;
  p.take(1);
  p.begin(1);
  CHECK(p.runs(20s, 1s));
  p.end(1); // rendered
  CHECK(p.runs(3h));
}

TEST_CASE("a node that was away itself holds its absence against nobody") {
  process p;
  p.warmed().take(1);
  p.begin(1);
  CHECK(p.runs(20s, 1s));
  p.now += 1h;
  p.watch.forgive(1h, p.now);
  CHECK_FALSE(p.watch.trouble(p.now));
  CHECK(p.runs(30s));
  CHECK_FALSE(p.runs(2s));
}

TEST_CASE("a new process begins with a clean slate") {
  process p;
  p.warmed().take(1);
  p.begin(1);
  CHECK_FALSE(p.runs(1min));
  p.watch.started(p.now);
  CHECK_FALSE(p.watch.trouble(p.now));
  p.progress = 0;
  p.take(2);
  p.begin(2);
  CHECK(p.runs(119s)); // cold again
}
