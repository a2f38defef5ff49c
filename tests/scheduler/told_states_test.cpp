// told_states_test.cpp: The ledger is told every change of the cluster, nothing twice, and all again when it may not
// have heard.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/told_states.hpp"
#include "tests/support/samples.hpp"

using namespace reel;

namespace {

worker_status worker(const std::string& id, worker_state state) {
  worker_status w;
  w.id = {id};
  w.state = state;
  return w;
}

breaker_status breaker(const std::string& device, breaker_state state) {
  breaker_status b;
  b.model = {"wan"};
  b.device = device;
  b.state = state;
  return b;
}

using notes = std::vector<cluster_note>;

cluster_note of_worker(const std::string& id, note_state state) { return {note_kind::worker, state, id, {}, {}, 0}; }
cluster_note of_breaker(const std::string& device, note_state state) {
  return {note_kind::breaker, state, "wan", device, {}, 0};
}

} // namespace

TEST_CASE("changes are told in their order, and what stays as it is is not") {
  told_states t;
  t.workers({worker("a/0", worker_state::ready), worker("a/1", worker_state::starting)});
  t.workers({worker("a/0", worker_state::ready), worker("a/1", worker_state::down)});
  CHECK(t.take() == notes{of_worker("a/0", note_state::up), of_worker("a/1", note_state::down)});
  CHECK_FALSE(t.has_news());
  t.workers({worker("a/0", worker_state::ejected), worker("a/1", worker_state::ready)});
  CHECK(t.take() == notes{of_worker("a/0", note_state::down), of_worker("a/1", note_state::up)});

  t.member({"a"}, peer_state::connecting); // never heard of
  CHECK_FALSE(t.has_news());
  t.member({"a"}, peer_state::up);
  t.member({"a"}, peer_state::suspect);
  t.member({"a"}, peer_state::down);
  CHECK(t.take().size() == 3);
}

TEST_CASE("a breaker is told for each class of GPU, and an operator's order as what it means") {
  told_states t;
  t.breakers({breaker("x", breaker_state::open), breaker("y", breaker_state::closed)});
  t.breakers({breaker("x", breaker_state::forced_open), breaker("y", breaker_state::disabled)});
  CHECK(t.take() == notes{of_breaker("x", note_state::open), of_breaker("y", note_state::closed)});
  t.breakers({breaker("x", breaker_state::half_open), breaker("y", breaker_state::closed)});
  CHECK(t.take() == notes{of_breaker("x", note_state::half_open)});
}

TEST_CASE("overload is told when it begins and when it ends; a cluster without has nothing to tell") {
  told_states t;
  t.overload(false);
  CHECK_FALSE(t.has_news());
  t.overload(true);
  t.overload(true);
  t.overload(false);
  t.overload(false);
  const auto told = t.take();
  REQUIRE(told.size() == 2);
  CHECK(told[0].state == note_state::open);
  CHECK(told[1].state == note_state::closed);
}

TEST_CASE("what may not have arrived is told again, as it is now") {
  told_states t;
  t.workers({worker("a/0", worker_state::ready)});
  t.take();
  t.workers({worker("a/0", worker_state::down)});
  t.breakers({breaker("x", breaker_state::open)});
  t.take();
  t.refused(sample::job(1), 2);
  t.forget();
  CHECK(t.take() == notes{of_worker("a/0", note_state::down), of_breaker("x", note_state::open)});
  CHECK_FALSE(t.has_news());
}

TEST_CASE("many changes go in parts, and what grows without a listener stays bounded") {
  told_states t;
  for (int i = 0; i < 1000; ++i) t.refused(sample::job(static_cast<std::uint64_t>(i + 1)), 1);
  CHECK(t.take().size() == notes_max);
  CHECK(t.take().size() == 1000 - notes_max);
  CHECK_FALSE(t.has_news());

  for (std::size_t i = 0; i < 5 * told_states::told_max; ++i)
    t.member({"a"}, i % 2 == 0 ? peer_state::up : peer_state::suspect);
  std::size_t told = 0;
  cluster_note last;
  while (t.has_news())
    for (const auto& n : t.take()) {
      ++told;
      last = n;
    }
  CHECK(told <= 2 * told_states::told_max);
  CHECK(last.state == note_state::suspect);
}
