// store_breaker_test.cpp: The circuit breaker of the object store: what counts for it, and around the store's shell, in
// virtual time, that a store in trouble is left alone and found again.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "actors/storage/memory_objects.hpp"
#include "actors/storage/objects_actor.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// What comes of twenty uploads like this one.
breaker_state after_twenty(const outcome<put_answer, errc>& what, std::chrono::milliseconds took = 10ms) {
  store_breaker b;
  const instant now{1h};
  for (int i = 0; i < 20; ++i) b.ended(b.began(now), what, took, now, 0);
  return b.status(now).state;
}

outcome<put_answer, errc> codes(std::vector<errc> all) { return put_answer{std::move(all)}; }

} // namespace

TEST_CASE("a store that cannot take files is in trouble, whatever it says") {
  for (auto code : {errc::unavailable, errc::no_space, errc::timeout, errc::internal}) {
    CHECK(after_twenty(codes({code})) == breaker_state::open);
    CHECK(after_twenty(codes({errc::ok, code})) == breaker_state::open);
    CHECK(after_twenty(failed{code}) == breaker_state::open);
  }
}

TEST_CASE("one that refuses a file for what it is, or was never asked, is not") {
  for (auto code : {errc::conflict, errc::corrupt, errc::invalid_argument})
    CHECK(after_twenty(codes({code})) == breaker_state::closed);
  CHECK(after_twenty(failed{errc::queue_full}) == breaker_state::closed);
  CHECK(after_twenty(codes({errc::ok})) == breaker_state::closed);
}

TEST_CASE("a store that takes five seconds for everything is in trouble") {
  CHECK(after_twenty(codes({errc::ok}), 5s) == breaker_state::open);
  CHECK(after_twenty(codes({errc::ok}), 4999ms) == breaker_state::closed);
}

TEST_CASE("a refusal of one file says nothing: half of what says something has to fail") {
  store_breaker b;
  const instant now{1h};
  for (int i = 0; i < 100; ++i) b.ended(b.began(now), codes({errc::corrupt}), 0ms, now, 0);
  for (int i = 0; i < 19; ++i) b.ended(b.began(now), codes({errc::unavailable}), 0ms, now, 0);
  CHECK(b.lets_through());
  b.ended(b.began(now), codes({errc::unavailable}), 0ms, now, 0);
  CHECK_FALSE(b.lets_through());
}

// ---------------------------------------------------------------- around the store

namespace {

/// Takes nothing while it is told so.
class moody_store final : public object_store {
public:
  std::vector<errc> put(const std::vector<object_write>& objects) override {
    ++puts;
    return says == errc::ok ? to_.put(objects) : std::vector(objects.size(), says);
  }
  outcome<object_slice, errc> read(const read_object& m) override { return to_.read(m); }
  errc remove(const std::string& key) override { return to_.remove(key); }
  outcome<object_list, errc> list(const std::string& cursor) override { return to_.list(cursor); }

  errc says = errc::ok;
  int puts = 0;

private:
  memory_objects to_{[] { return samples::real_time(); }};
};

class listener {
public:
  using interface = breaker_listener_ref;
  static constexpr const char* name = "played scheduler";
  listener(interface::pointer, std::vector<breaker_state>* heard) : heard_{heard} {}
  interface::behavior_type make_behavior() {
    return {[this](const breakers_view& m) { heard_->push_back(m.all.at(0).state); }};
  }

private:
  std::vector<breaker_state>* heard_;
};

struct world {
  world() {
    scheduler = act::spawn_shell<listener>(system.actors(), &heard);
    actor = act::spawn_shell<objects_actor>(system.actors(), std::shared_ptr<object_store>{store},
                                            objects_actor_options{.threads = 0}, scheduler);
  }
  errc put() {
    last = samples::object(ids.next<job_id>(samples::real_time()), "video");
    auto answer = **system.ask<put_answer>(actor, put_objects{{last}}, 10s);
    return answer ? answer->codes.at(0) : answer.error();
  }
  void fail_until_open() {
    store->says = errc::unavailable;
    while (heard.empty()) REQUIRE(put() == errc::unavailable);
    REQUIRE(heard == std::vector{breaker_state::open});
  }
  breaker_status obey(std::vector<breaker_override> orders) {
    return (**system.ask<breakers_view>(actor, breaker_overrides{std::move(orders)}, 10s))->all.at(0);
  }

  std::vector<breaker_state> heard;
  id_generator ids;
  object_write last;
  deterministic_system system;
  std::shared_ptr<moody_store> store = std::make_shared<moody_store>();
  breaker_listener_ref scheduler;
  objects_ref actor;
};

} // namespace

TEST_CASE("a store that takes nothing is left alone, and what it has can be read") {
  world w;
  REQUIRE(w.put() == errc::ok);
  const auto there = w.last;
  w.fail_until_open();
  const auto puts = w.store->puts;
  CHECK(puts == 20); // the good one among them
  w.store->says = errc::ok;
  CHECK(w.put() == errc::unavailable);
  CHECK(w.store->puts == puts);
  CHECK((**w.system.ask<object_slice>(w.actor, read_object{there.key, 0, 100}, 10s))->data == there.data);
}

TEST_CASE("that it takes files again is found out without anybody's file, and leaves nothing behind") {
  world w;
  w.fail_until_open();
  w.store->says = errc::ok;
  w.system.advance(4900ms);
  CHECK(w.heard.size() == 1);
  w.system.advance(1200ms); // with the jitter
  CHECK(w.heard == std::vector{breaker_state::open, breaker_state::half_open, breaker_state::closed});
  CHECK(w.store->list({})->objects.empty());
  CHECK(w.put() == errc::ok);
}

TEST_CASE("as long as it takes nothing it is asked once a minute") {
  world w;
  w.fail_until_open();
  w.system.advance(5min); // 5, 10, 20, 40 s and then minutes, each up to a fifth longer
  const auto puts = w.store->puts;
  CHECK(puts - 20 >= 6);
  CHECK(puts - 20 <= 8);
  w.system.advance(10min);
  CHECK(w.store->puts - puts >= 8);
  CHECK(w.store->puts - puts <= 10);
  CHECK(w.put() == errc::unavailable);
  w.store->says = errc::ok;
  w.system.advance(73s);
  CHECK(w.heard.back() == breaker_state::closed);
}

TEST_CASE("operators shut the store off or have everything pass, until they take it back") {
  world w;
  const breaker_override open{object_store_name, {}, breaker_order::open, {"ops"}, {}};
  auto close = open;
  close.order = breaker_order::close;
  auto s = w.obey({{{"wan"}, "H100", breaker_order::close, {"ops"}, {}}, open});
  CHECK(s.model == object_store_name);
  CHECK(s.state == breaker_state::forced_open);
  CHECK(s.by.value == "ops");
  CHECK(w.put() == errc::unavailable);
  w.obey({open}); // as every second
  w.system.advance(1h);
  CHECK(w.put() == errc::unavailable);
  CHECK(w.store->puts == 0); // no probe either
  CHECK(w.obey({close}).state == breaker_state::disabled);
  w.store->says = errc::unavailable;
  for (int i = 0; i < 50; ++i) w.put();
  CHECK(w.store->puts == 50);
  CHECK(w.obey({}).state == breaker_state::closed);
  CHECK(w.heard == std::vector{breaker_state::forced_open, breaker_state::disabled, breaker_state::closed});
}

TEST_CASE("orders to other breakers, and none again and again, change nothing") {
  world w;
  w.fail_until_open();
  CHECK(w.obey({}).state == breaker_state::open);
  CHECK(w.obey({{{"wan"}, {}, breaker_order::open, {"ops"}, {}}}).state == breaker_state::open);
  CHECK(w.heard.size() == 1);
}
