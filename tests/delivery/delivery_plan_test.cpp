// delivery_plan_test.cpp: What becomes of an event after a try, for every kind of answer and time.
#include <catch2/catch_test_macros.hpp>

#include "actors/delivery/delivery_plan.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

outbox_entry entry(std::uint32_t tries = 0) {
  outbox_entry e;
  e.job = sample::job(1);
  e.made_at = sample::wall0;
  e.tries = tries;
  return e;
}

const delivery_pace pace;

} // namespace

TEST_CASE("every 2xx is taken, nothing else is") {
  for (int status : {200, 201, 202, 204, 299})
    CHECK(after_try(entry(), status, sample::wall0, 0.5, pace).state == delivery_state::delivered);
  for (int status : {0, 100, 199, 300, 301, 302, 307, 400, 404, 429, 500, 503})
    CHECK(after_try(entry(), status, sample::wall0, 0.5, pace).state == delivery_state::waits);
}

TEST_CASE("a receiver that is gone is asked no more") {
  CHECK(after_try(entry(), 410, sample::wall0, 0.5, pace).state == delivery_state::given_up);
}

TEST_CASE("pauses double up to an hour, with jitter of half of them") {
  auto pause = [](std::uint32_t tries, double random) {
    return after_try(entry(tries), 500, sample::wall0, random, pace).due - sample::wall0;
  };
  CHECK(pause(0, 0) == 2500ms);
  CHECK(pause(0, 1) == 5s);
  CHECK(pause(1, 1) == 10s);
  CHECK(pause(9, 1) == 2560s);
  CHECK(pause(10, 1) == 1h);
  CHECK(pause(10, 0) == 30min);
  CHECK(pause(4'000'000'000, 1) == 1h);
  CHECK(after_try(entry(3), 500, sample::wall0, 0, pace).tries == 4);
}

TEST_CASE("after a day it is given up, but not before ten tries, whatever the clock says") {
  const auto day_later = sample::wall0 + 24h;
  CHECK(after_try(entry(50), 500, day_later - 1ms, 0, pace).state == delivery_state::waits);
  CHECK(after_try(entry(50), 500, day_later, 0, pace).state == delivery_state::given_up);
  CHECK(after_try(entry(8), 500, day_later, 0, pace).state == delivery_state::waits);
  CHECK(after_try(entry(9), 500, day_later, 0, pace).state == delivery_state::given_up);
  CHECK(after_try(entry(50), 200, day_later, 0, pace).state == delivery_state::delivered);
}

TEST_CASE("what is put off counts no try") {
  const auto r = put_off(entry(3), sample::wall0, 0.5);
  CHECK(r.state == delivery_state::waits);
  CHECK(r.tries == 3);
  CHECK(r.due == sample::wall0 + 2s);
}
