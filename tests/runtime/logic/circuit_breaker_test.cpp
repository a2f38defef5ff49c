// circuit_breaker_test.cpp: When the breaker opens, lets probes through and closes; what never happens whatever is done
// to it.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "runtime/logic/circuit_breaker.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr circuit_breaker::result good{true, true, false, 1}, bad{true, false, false, 1};

circuit_breaker::result with_content(circuit_breaker::result r, std::uint64_t content) {
  r.content = content;
  return r;
}

struct world {
  bool allows() const { return b.allows(0, 10, now); }
  /// One that begins and ends.
  std::optional<circuit_breaker::transition> attempt(const circuit_breaker::result& r) {
    return b.ended(b.began(now), r, now, 0);
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) attempt(with_content(bad, static_cast<std::uint64_t>(i)));
  }
  std::optional<circuit_breaker::transition> pass(std::chrono::milliseconds d) {
    now += d;
    return b.check(now, 0);
  }
  void open() {
    fail(5);
    REQUIRE(b.state() == breaker_state::open);
  }
  void half_open() {
    open();
    pass(30s);
    REQUIRE(b.state() == breaker_state::half_open);
  }

  circuit_breaker b;
  instant now{1000s};
};

} // namespace

TEST_CASE("it opens when half of at least five attempts failed") {
  world w;
  w.fail(4);
  CHECK(w.b.state() == breaker_state::closed);
  auto t = w.attempt(with_content(bad, 9));
  REQUIRE(t);
  CHECK(*t == circuit_breaker::transition{breaker_state::closed, breaker_state::open, 5, 0, 5});
  CHECK_FALSE(w.allows());
}

TEST_CASE("less than half does not open it, and neither does what is too long ago or says nothing") {
  world w;
  for (int i = 0; i < 11; ++i) w.attempt(good);
  w.fail(9);
  CHECK(w.b.state() == breaker_state::closed);
  w.pass(10min);
  w.fail(4);
  for (int i = 0; i < 10; ++i) w.attempt({.is_known = false, .is_good = false});
  CHECK(w.b.state() == breaker_state::closed);
  CHECK(w.b.status(w.now).attempts == 4);
}

TEST_CASE("only the last twenty attempts are looked at") {
  world w;
  for (int i = 0; i < 100; ++i) w.attempt(good);
  w.fail(9);
  CHECK(w.b.state() == breaker_state::closed);
  w.fail(1);
  CHECK(w.b.state() == breaker_state::open);
}

TEST_CASE("one content alone never opens it") {
  world w;
  for (int i = 0; i < 50; ++i) w.attempt(bad);
  CHECK(w.b.state() == breaker_state::closed);
  w.attempt(with_content(bad, 2));
  CHECK(w.b.state() == breaker_state::open);
}

TEST_CASE("it opens when four fifths were slow") {
  world w;
  auto slow = good;
  slow.is_slow = true;
  w.attempt(with_content(good, 2));
  for (int i = 0; i < 3; ++i) w.attempt(slow);
  CHECK(w.b.state() == breaker_state::closed);
  w.attempt(slow);
  CHECK(w.b.state() == breaker_state::open);
  CHECK(w.b.status(w.now).slow == 4);
}

TEST_CASE("half open, two probes pass at once, and three good ones close it") {
  world w;
  w.half_open();
  auto first = w.b.began(w.now), second = w.b.began(w.now);
  CHECK(first.probe != 0);
  CHECK_FALSE(w.allows());
  CHECK_FALSE(w.b.ended(first, good, w.now, 0));
  CHECK(w.allows());
  CHECK_FALSE(w.b.ended(second, {.is_known = false}, w.now, 0)); // says nothing
  w.attempt(good);
  auto t = w.attempt(good);
  REQUIRE(t);
  CHECK(t->to == breaker_state::closed);
  CHECK(w.b.status(w.now).attempts == 0);
  CHECK_FALSE(w.b.troubled_since());
}

TEST_CASE("one bad probe opens it again, for twice as long, up to five minutes") {
  world w;
  w.open();
  for (auto pause : {30s, 60s, 120s, 240s, 300s, 300s}) {
    CHECK_FALSE(w.pass(pause - 1s));
    auto t = w.pass(1s);
    REQUIRE(t);
    CHECK(t->to == breaker_state::half_open);
    CHECK(w.attempt(bad)->to == breaker_state::open);
  }
  CHECK(w.b.troubled_since() == instant{1000s});
}

TEST_CASE("a probe that takes too long has failed") {
  world w;
  w.half_open();
  auto stuck = w.b.began(w.now);
  CHECK(w.b.next_check() == w.now + 30min);
  auto t = w.pass(30min);
  REQUIRE(t);
  CHECK(t->to == breaker_state::open);
  CHECK_FALSE(w.b.ended(stuck, good, w.now, 0));
  CHECK(w.b.status(w.now).probes == 0);
}

TEST_CASE("pauses are spread by a fifth, and start again from the first after ten quiet minutes") {
  world w;
  for (std::uint64_t i = 0; i < 5; ++i) w.b.ended(w.b.began(w.now), with_content(bad, i), w.now, 0.5);
  CHECK(w.b.next_check() == w.now + 33s);
  w.pass(33s);
  for (int i = 0; i < 3; ++i) w.attempt(good);
  w.pass(9min);
  w.fail(5);
  CHECK(w.b.next_check() == w.now + 60s);
  w.pass(60s);
  for (int i = 0; i < 3; ++i) w.attempt(good);
  w.pass(10min);
  w.fail(5);
  CHECK(w.b.next_check() == w.now + 30s);
}

TEST_CASE("after closing, load comes back within a minute") {
  world w;
  w.half_open();
  for (int i = 0; i < 3; ++i) w.attempt(good);
  CHECK(w.b.allows(0, 1, w.now)); // one is always let through
  CHECK(w.b.allows(1, 20, w.now));
  CHECK_FALSE(w.b.allows(2, 20, w.now));
  w.pass(30s);
  CHECK(w.b.allows(10, 20, w.now));
  CHECK_FALSE(w.b.allows(12, 20, w.now));
  w.pass(30s);
  CHECK(w.b.allows(1000, 20, w.now));
}

TEST_CASE("operators force it open or hold it closed until they reset it") {
  world w;
  auto before = w.b.began(w.now);
  CHECK(w.b.obey(breaker_order::open, w.now)->to == breaker_state::forced_open);
  CHECK_FALSE(w.b.obey(breaker_order::open, w.now));
  CHECK_FALSE(w.pass(24h));
  CHECK_FALSE(w.allows());
  CHECK_FALSE(w.b.ended(before, good, w.now, 0));
  CHECK(w.b.obey(breaker_order::close, w.now)->to == breaker_state::disabled);
  w.fail(50);
  CHECK(w.allows());
  CHECK(w.b.obey(breaker_order::reset, w.now)->to == breaker_state::closed);
  CHECK(w.b.status(w.now).attempts == 0);
  w.fail(5);
  CHECK(w.b.state() == breaker_state::open);
  CHECK(w.b.obey(breaker_order::reset, w.now)->to == breaker_state::closed);
  CHECK(w.b.allows(1000, 1, w.now)); // without a slow start
}

TEST_CASE("whatever happens: open lets nothing through, half open no more than its probes, and the past stays past") {
  REQUIRE(rc::check([] {
    circuit_breaker b;
    instant now{1000s};
    std::vector<circuit_breaker::pass> under_way;
    std::uint64_t transitions = 0, old = 0;
    auto seen = [&](const std::optional<circuit_breaker::transition>& t, breaker_state before) {
      if (!t) {
        RC_ASSERT(b.state() == before);
        return;
      }
      RC_ASSERT(t->from == before);
      RC_ASSERT(t->to == b.state());
      ++transitions;
    };
    for (int step = 0; step < 200; ++step) {
      now += std::chrono::seconds{*rc::gen::inRange(0, 40)};
      auto before = b.state();
      switch (*rc::gen::inRange(0, 10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        if (!b.allows(under_way.size(), 10, now)) break;
        RC_ASSERT(before != breaker_state::open && before != breaker_state::forced_open);
        under_way.push_back(b.began(now));
        break;
      case 4:
      case 5:
      case 6:
      case 7: {
        if (under_way.empty()) break;
        auto at = under_way.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(under_way));
        auto attempts = b.status(now).attempts;
        bool is_old = at->number != transitions + 1;
        auto r = with_content(*rc::gen::arbitrary<bool>() ? good : bad, *rc::gen::inRange<std::uint64_t>(0, 5));
        auto t = b.ended(*at, r, now, 0.3);
        if (is_old) RC_ASSERT(!t && b.status(now).attempts == attempts && ++old > 0);
        seen(t, before);
        under_way.erase(at);
        break;
      }
      case 8: seen(b.check(now, 0.3), before); break;
      default:
        if (*rc::gen::inRange(0, 20) == 0)
          seen(b.obey(*rc::gen::element(breaker_order::reset, breaker_order::open, breaker_order::close), now), before);
      }
      RC_ASSERT(b.status(now).probes <= 2u);
      if (b.state() == breaker_state::open || b.state() == breaker_state::forced_open) RC_ASSERT(!b.allows(0, 10, now));
    }
  }));
}
