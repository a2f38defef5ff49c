// parts_test.cpp: What the simulation under faults stands on: events in order, and ended jobs that are forgotten.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "actors/storage/memory_ledger.hpp"
#include "src/reel-sim/faults/events.hpp"

using namespace reel;
using namespace std::chrono_literals;
using faultsim::step;

TEST_CASE("events run by time, then as they came, and what they hold goes with them") {
  faultsim::event_queue q;
  const auto p = q.add_process(0);
  q.start(p);
  std::string order;
  auto held = std::make_shared<int>(0);
  auto note = [&order, held](char c) { return [&order, held, c] { order += c; }; };
  q.after(p, 2s, step::timer, note('c'));
  q.after(p, 1s, step::timer, note('a'));
  q.after(p, 1s, step::timer, note('b'));
  std::array<char, 500> large{}; // more than an event has room for
  large[499] = 'd';
  q.after(p, 3s, step::timer, [&order, large, held] { order += large[499]; });
  while (q.run_next()) {
  }
  CHECK(order == "abcd");
  CHECK(q.pending() == 0);
  CHECK(held.use_count() == 2); // this one, and the one in `note`
}

TEST_CASE("what a killed process had to do is dropped, what a paused one had to do waits") {
  faultsim::event_queue q;
  const auto a = q.add_process(0), b = q.add_process(0);
  q.start(a);
  q.start(b);
  std::string order;
  q.after(a, 1s, step::timer, [&order] { order += 'a'; });
  q.after(b, 1s, step::timer, [&order] { order += 'b'; });
  q.after(b, 2s, step::timer, [&order] { order += 'c'; });
  q.kill(a);
  q.start(a);
  q.pause(b, 5s);
  while (q.run_next()) CHECK((order.empty() || q.now() == 5s));
  CHECK(order == "bc");
}

TEST_CASE("an event may add events where it lay itself") {
  faultsim::event_queue q;
  int left = 1000;
  std::function<void()> again = [&] {
    if (left-- > 0)
      for (int i = 0; i < 2; ++i)
        q.after(faultsim::outside, 1ms, step::timer, [&again, i] { i == 0 ? again() : void(); });
  };
  q.after(faultsim::outside, 1ms, step::timer, [&again] { again(); });
  while (q.run_next()) {
  }
  CHECK(q.now() == 1001ms);
}

TEST_CASE("a ledger that forgets ended jobs forgets them with their keys, and no others") {
  wall_time now{1'700'000'000'000ms};
  memory_ledger ledger{{.limits = {}, .now = [&now] { return now; }, .ended_kept = 1h}};
  auto accept = [&ledger](std::uint8_t number) {
    job_request r;
    r.id.bytes[0] = number;
    r.tenant = {"acme"};
    r.idempotency_key = "k" + std::to_string(number);
    accept_answer answer;
    ledger.accept({{r}}, [&answer](const auto& a) { answer = a->answers.at(0); });
    CHECK(answer.code == errc::ok);
    return answer;
  };
  auto is_known = [&ledger](const job_id& id) {
    bool known = false;
    ledger.read({{}, id}, [&known](const auto& a) { known = static_cast<bool>(a); });
    return known;
  };
  auto cancel = [&ledger](const job_id& id) { ledger.cancel({{"acme"}, id}, [](const auto& a) { CHECK(a); }); };
  const auto first = accept(1).id, second = accept(2).id, third = accept(3).id;
  cancel(first);
  now += 40min;
  cancel(second);
  now += 40min;
  CHECK(accept(1).replayed); // nobody looks before another one ends
  cancel(third);
  CHECK_FALSE(is_known(first));
  CHECK(is_known(second));
  CHECK(is_known(third));
  CHECK_FALSE(accept(1).replayed);
  CHECK(accept(2).replayed);
}
