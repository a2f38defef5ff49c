// health_test.cpp: Retry budgets, workers that stand out, and overload.
#include <catch2/catch_test_macros.hpp>

#include "runtime/logic/outlier.hpp"
#include "runtime/logic/overload_watch.hpp"
#include "runtime/logic/retry_budget.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("retries may be a fifth of the jobs, or three") {
  retry_budget b;
  instant now{1000s};
  CHECK(b.most(0, now) == 3);
  CHECK(b.most(100, now) == 20);
  for (int i = 0; i < 3; ++i) {
    CHECK(b.allows(3, now));
    b.began();
  }
  CHECK_FALSE(b.allows(3, now));
  b.ended();
  CHECK(b.allows(3, now));
}

TEST_CASE("after fifty failures only one retry runs at a time, until successes or time make up for them") {
  retry_budget b;
  instant now{1000s};
  for (int i = 0; i < 49; ++i) b.failed(now);
  CHECK(b.most(100, now) == 20);
  b.failed(now);
  CHECK(b.most(100, now) == 1);
  SECTION("successes") {
    b.succeeded(now);
    CHECK(b.most(100, now) == 20);
  }
  SECTION("time") { CHECK(b.most(100, now + 1s) == 20); }
  SECTION("but never more than there were") {
    for (int i = 0; i < 10; ++i) b.succeeded(now + 1h);
    for (int i = 0; i < 50; ++i) b.failed(now + 1h);
    CHECK(b.most(100, now + 1h) == 1);
  }
}

TEST_CASE("a worker that fails three times in a row is left alone, longer each time") {
  outlier o;
  instant now{1000s};
  auto fail = [&](int times) {
    std::optional<instant> until;
    for (int i = 0; i < times; ++i) until = o.failed(true, now);
    return until;
  };
  CHECK_FALSE(fail(2));
  o.succeeded();
  CHECK_FALSE(fail(2));
  CHECK(fail(1) == now + 30s);
  CHECK(fail(3) == now + 60s);
  for (int i = 0; i < 20; ++i) fail(3);
  CHECK(fail(3) == now + 300s);
  SECTION("and less so after it succeeded again") {
    for (int i = 0; i < 30; ++i) o.succeeded();
    CHECK(fail(3) == now + 30s);
  }
}

TEST_CASE("a worker that the others cannot do without is asked about again at its next failure") {
  outlier o;
  instant now{1000s};
  for (int i = 0; i < 5; ++i) CHECK_FALSE(o.failed(false, now));
  CHECK(o.failed(true, now) == now + 30s);
}

TEST_CASE("overload begins after a minute above four fifths, and ends after two below a half") {
  overload_watch w;
  instant now{1000s};
  w.saw(0.81, now);
  w.saw(0.9, now + 59s);
  CHECK_FALSE(w.is_on());
  w.saw(0.7, now + 60s); // and again from the beginning
  w.saw(0.9, now + 61s);
  w.saw(0.9, now + 120s);
  CHECK_FALSE(w.is_on());
  w.saw(0.9, now + 121s);
  CHECK(w.is_on());
  w.saw(0.6, now + 10min);
  w.saw(0.4, now + 20min);
  w.saw(0.4, now + 21min);
  CHECK(w.is_on());
  w.saw(0.4, now + 22min);
  CHECK_FALSE(w.is_on());
}
