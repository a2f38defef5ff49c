// breaker_board_test.cpp: The breakers of all models and classes of GPU beside each other, and operators' orders.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/breaker_board.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const breaker_key heavy_h100{{"heavy"}, "NVIDIA H100"}, heavy_cpu{{"heavy"}, "cpu"}, light_cpu{{"light"}, "cpu"};

struct world {
  bool allows(const breaker_key& of) const {
    return board.allows(of, now, [] { return 10; });
  }
  void fail(const breaker_key& of, int times) {
    for (int i = 0; i < times; ++i)
      board.ended(of, board.began(of, now), {.is_good = false, .content = static_cast<std::uint64_t>(i)}, now);
  }
  void order(std::vector<breaker_override> all) { board.obey({std::move(all)}, now); }
  static breaker_override override_of(const breaker_key& of, breaker_order o) {
    return {of.model, of.device, o, {"ops"}, {}};
  }

  breaker_board board;
  instant now{1000s};
};

} // namespace

TEST_CASE("each model has a breaker on each class of GPU") {
  world w;
  w.fail(heavy_h100, 5);
  CHECK_FALSE(w.allows(heavy_h100));
  CHECK(w.allows(heavy_cpu));
  CHECK(w.allows(light_cpu));
  auto events = w.board.take_events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].of == heavy_h100);
  CHECK(events[0].what.to == breaker_state::open);
  CHECK(w.board.take_events().empty());
  CHECK(w.board.troubled_since(heavy_h100) == w.now);
  REQUIRE(w.board.next_check());
  w.now = *w.board.next_check();
  w.board.check(w.now);
  CHECK(w.board.is_probing(heavy_h100));
  CHECK(w.allows(heavy_h100));
}

TEST_CASE("breakers that opened together do not try again together") {
  world w;
  w.fail(heavy_h100, 5);
  w.fail(heavy_cpu, 5);
  auto view = w.board.view(w.now);
  REQUIRE(view.size() == 2);
  CHECK(view[0].opens_ms != view[1].opens_ms);
  for (const auto& s : view) {
    CHECK(s.opens_ms >= 30'000);
    CHECK(s.opens_ms <= 36'000);
  }
}

TEST_CASE("what is under way is counted while the load comes back") {
  world w;
  w.fail(heavy_cpu, 5);
  w.now = *w.board.next_check();
  w.board.check(w.now);
  for (int i = 0; i < 3; ++i) w.board.ended(heavy_cpu, w.board.began(heavy_cpu, w.now), {}, w.now);
  CHECK(w.board.state(heavy_cpu) == breaker_state::closed);
  CHECK(w.board.is_careful(heavy_cpu, w.now));
  auto first = w.board.began(heavy_cpu, w.now);
  CHECK_FALSE(w.allows(heavy_cpu));
  w.board.ended(heavy_cpu, first, {.is_known = false}, w.now);
  CHECK(w.allows(heavy_cpu));
  w.now += 60s;
  w.board.check(w.now);
  CHECK(w.board.is_calm());
}

TEST_CASE("orders hold for breakers that are there, that come later, and that never had an attempt") {
  world w;
  w.fail(heavy_cpu, 1);
  w.order({world::override_of({{"heavy"}, ""}, breaker_order::open)});
  CHECK_FALSE(w.allows(heavy_cpu));
  CHECK_FALSE(w.allows(heavy_h100));
  CHECK(w.board.troubled_since(heavy_h100));
  CHECK(w.allows(light_cpu));
  CHECK(w.board.view(w.now).at(0).by == tenant_id{"ops"});

  const auto all_open = world::override_of({{"heavy"}, ""}, breaker_order::open);
  const auto one_closed = world::override_of(heavy_h100, breaker_order::close);
  for (const auto& orders : {std::vector{all_open, one_closed}, std::vector{one_closed, all_open}}) {
    w.order({orders});
    CHECK_FALSE(w.allows(heavy_cpu));
    CHECK(w.allows(heavy_h100));
  }
  w.fail(heavy_h100, 20);
  CHECK(w.allows(heavy_h100));

  w.order({});
  CHECK(w.allows(heavy_cpu));
  CHECK(w.board.state(heavy_h100) == breaker_state::closed);
  CHECK(w.board.is_calm());
}

TEST_CASE("the same orders again change nothing") {
  world w;
  w.order({world::override_of(heavy_cpu, breaker_order::open)});
  CHECK(w.board.take_events().size() == 1);
  w.order({world::override_of(heavy_cpu, breaker_order::open)});
  CHECK(w.board.take_events().empty());
}
