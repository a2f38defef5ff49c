// models_test.cpp: Predictions of time and memory come from a prior and from what was measured, and are bounded.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/memory_model.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Approx;

namespace {

constexpr std::uint64_t gb = 1'000'000'000;
const instant t0{1000s};

std::map<model_id, memory_prior> published(double factor = 1) {
  memory_prior p;
  p.volume = volume_of(sample::key());
  p.peak_bytes = {{{1, factor * 20 * gb}, {4, factor * 36 * gb}, {8, factor * 72 * gb}}};
  return {{model_id{"wan-small"}, p}};
}

double seconds(std::optional<cost_model::duration> d) { return std::chrono::duration<double>(d.value()).count(); }

} // namespace

TEST_CASE("no time is foretold for a model never seen; a shape never seen is foretold from the others") {
  cost_model m;
  CHECK_FALSE(m.predict(sample::key(), 1));
  m.learn(sample::key(64), 1, 1s);
  CHECK(seconds(m.predict(sample::key(128), 1)) == Approx(2)); // twice the pixels
  CHECK_FALSE(m.predict(sample::key(64, "other"), 1));
}

TEST_CASE("a measured size is foretold as measured, another one by the prior's form") {
  cost_model m{{{model_id{"wan-small"}, {work_of(sample::key()), {{{1, 480}, {4, 840}}}}}}};
  CHECK(seconds(m.predict(sample::key(), 4)) == Approx(840));
  CHECK(seconds(m.predict(sample::key(), 8)) == Approx(1320));
  m.learn(sample::key(), 4, 1680s); // twice as slow as believed
  CHECK(seconds(m.predict(sample::key(), 4)) == Approx(1680));
  CHECK(seconds(m.predict(sample::key(), 1)) == Approx(960));
  m.learn(sample::key(), 1, 480s);
  CHECK(seconds(m.predict(sample::key(), 1)) == Approx(480));
  CHECK(seconds(m.predict(sample::key(), 2)) == Approx(600 * 4.0 / 3)); // a third of the way in between
}

TEST_CASE("kinds of device are learnt apart; one never measured is foretold from any") {
  cost_model m;
  for (int i = 0; i < 20; ++i) {
    m.learn(sample::key(64), 1, 10s, "slow");
    m.learn(sample::key(64), 1, 2s, "fast");
  }
  CHECK(seconds(m.predict(sample::key(64), 1, "slow")) == Approx(10));
  CHECK(seconds(m.predict(sample::key(64), 1, "fast")) == Approx(2));
  CHECK(seconds(m.predict(sample::key(128), 1, "fast")) == Approx(4)); // twice the pixels
  auto any = seconds(m.predict(sample::key(64), 1));
  CHECK(any > 2);
  CHECK(any < 10);
  CHECK(seconds(m.predict(sample::key(64), 1, "new")) == Approx(any));
  CHECK(m.count(sample::key(64), 1, "slow") == 20);
  CHECK(m.count(sample::key(64), 1) == 40);
  CHECK(m.count(sample::key(64), 1, "new") == 40); // like any, until it was measured once
}

TEST_CASE("more kinds of device than there is room for are taken to be alike") {
  cost_model m;
  for (std::size_t i = 0; i < cost_model::devices_max; ++i) m.learn(sample::key(), 1, 1s, std::to_string(i));
  m.learn(sample::key(), 1, 100s, "one more");
  CHECK(seconds(m.predict(sample::key(), 1, "0")) == Approx(1));
  CHECK(m.predict(sample::key(), 1, "one more") == m.predict(sample::key(), 1));
}

TEST_CASE("newer measurements weigh more, but one outlier does not rule") {
  cost_model m;
  for (int i = 0; i < 10; ++i) m.learn(sample::key(), 1, 10s);
  m.learn(sample::key(), 1, 20s);
  CHECK(seconds(m.predict(sample::key(), 1)) == Approx(13));
  for (int i = 0; i < 50; ++i) m.learn(sample::key(), 1, 20s);
  CHECK(seconds(m.predict(sample::key(), 1)) > 19.9);
}

TEST_CASE("the least recently learnt shapes are forgotten") {
  cost_model m;
  for (std::size_t i = 0; i <= cost_model::keys_max; ++i)
    m.learn(sample::key(static_cast<std::int32_t>(16 * (i + 1))), 1, 1s);
  CHECK(m.count(sample::key(16), 1) == 0);
  CHECK(m.count(sample::key(32), 1) == 1);
}

TEST_CASE("with nothing known of its memory a model has no limit but the configured one") {
  memory_model m;
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0) == 8);
  CHECK_FALSE(m.bound(sample::key(), 1));
}

TEST_CASE("a prior is believed only half until it is measured") {
  memory_model m{published()};
  CHECK(*m.bound(sample::key(), 4) == Approx(72.0 * gb));
  CHECK(m.fits(sample::key(), 8, 80 * gb, t0) == 4);
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0) == 1);
}

TEST_CASE("measured peaks of 20, 36 and 72 GB put 4 on a card of 40 GB and 8 on one of 80 GB") {
  for (double wrong : {0.5, 1.0, 2.0}) {
    memory_model m{published(wrong)};
    for (int i = 0; i < 6; ++i)
      for (auto [jobs, peak] : {std::pair{1, 20}, {4, 36}, {8, 72}})
        m.learn(sample::key(), static_cast<std::size_t>(jobs), static_cast<std::uint64_t>(peak) * gb);
    CHECK(m.fits(sample::key(), 16, 40 * gb, t0) == 4);
    CHECK(m.fits(sample::key(), 16, 80 * gb, t0) == 8);
    CHECK(m.fits(sample::key(), 16, 24 * gb, t0) == 1);
    CHECK(m.fits(sample::key(), 16, 16 * gb, t0) == 0);
  }
}

TEST_CASE("peaks that scatter need more room than peaks that do not") {
  memory_model steady, scattered;
  for (int i = 0; i < 40; ++i) {
    steady.learn(sample::key(), 1, 20 * gb);
    scattered.learn(sample::key(), 1, (i % 2 == 0 ? 18 : 22) * gb);
  }
  CHECK(*steady.bound(sample::key(), 1) == Approx(20.8 * gb));
  CHECK(*scattered.bound(sample::key(), 1) > 23.0 * gb);
}

TEST_CASE("an out-of-memory halves the limit at once, and it is forgotten slowly") {
  memory_model m;
  m.out_of_memory(sample::key(), 8, 40 * gb, t0);
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0) == 4);
  CHECK(m.fits(sample::key(), 8, 80 * gb, t0) == 8);   // said nothing about larger devices
  CHECK(m.fits(sample::key(96), 8, 40 * gb, t0) == 8); // nor about other shapes
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0 + 59min) == 4);
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0 + 61min) == 8);
  m.out_of_memory(sample::key(), 8, 40 * gb, t0 + 61min); // again: remembered twice as long
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0 + 61min + 119min) == 4);
  m.out_of_memory(sample::key(), 1, 40 * gb, t0 + 61min);
  CHECK(m.fits(sample::key(), 8, 40 * gb, t0 + 62min) == 1); // one is always tried
}
