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

delivery_result after(std::uint32_t tries, int status, wall_time now, double random = 0.5,
                      std::chrono::seconds ask = 0s) {
  return after_try(entry(tries), {status, ask}, now, random, pace);
}

} // namespace

TEST_CASE("every 2xx is taken, nothing else is") {
  for (int status : {200, 201, 202, 204, 299})
    CHECK(after(0, status, sample::wall0).state == delivery_state::delivered);
  for (int status : {0, 100, 199, 300, 301, 302, 307, 400, 404, 429, 500, 503})
    CHECK(after(0, status, sample::wall0).state == delivery_state::waits);
}

TEST_CASE("no answer, 429 and 5xx say that a receiver is in trouble; what it merely does not like does not") {
  for (int status : {0, 429, 500, 503, 599}) CHECK(is_trouble(status));
  for (int status : {200, 204, 301, 307, 400, 401, 404, 410, 422}) CHECK_FALSE(is_trouble(status));
}

TEST_CASE("a receiver that is gone is asked no more") {
  CHECK(after(0, 410, sample::wall0).state == delivery_state::given_up);
}

TEST_CASE("pauses are anything up to a bound that doubles up to an hour") {
  auto pause = [](std::uint32_t tries, double random) {
    return after(tries, 500, sample::wall0, random).due - sample::wall0;
  };
  for (auto tries : {0u, 1u, 9u, 10u, 4'000'000'000u}) CHECK(pause(tries, 0) == 0ms);
  CHECK(pause(0, 1) == 5s);
  CHECK(pause(0, 0.5) == 2500ms);
  CHECK(pause(1, 1) == 10s);
  CHECK(pause(9, 1) == 2560s);
  CHECK(pause(10, 1) == 1h);
  CHECK(pause(4'000'000'000, 1) == 1h);
  CHECK(after(3, 500, sample::wall0, 0).tries == 4);
}

TEST_CASE("a receiver may ask for a longer pause, but for five minutes at most") {
  auto pause = [](double random, std::chrono::seconds ask) {
    return after(0, 503, sample::wall0, random, ask).due - sample::wall0;
  };
  CHECK(pause(0, 60s) == 60s);
  CHECK(pause(1, 1s) == 5s);
  CHECK(pause(1, 24h) == 300s);
}

TEST_CASE("after a day it is given up, but not before ten tries, whatever the clock says") {
  const auto day_later = sample::wall0 + 24h;
  CHECK(after(50, 500, day_later - 1ms).state == delivery_state::waits);
  CHECK(after(50, 500, day_later).state == delivery_state::given_up);
  CHECK(after(8, 500, day_later).state == delivery_state::waits);
  CHECK(after(9, 500, day_later).state == delivery_state::given_up);
  CHECK(after(50, 200, day_later).state == delivery_state::delivered);
}

TEST_CASE("what is put off counts no try") {
  const auto r = put_off(entry(3), sample::wall0, 0.5);
  CHECK(r.state == delivery_state::waits);
  CHECK(r.tries == 3);
  CHECK(r.due == sample::wall0 + 2s);
}
