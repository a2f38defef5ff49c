// run_time_test.cpp: Predictions come from what was measured, and the memory of it is bounded.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/run_time.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("nothing is predicted for a shape never seen") {
  run_time_model m;
  CHECK_FALSE(m.predict(sample::key(), 1));
  m.learn(sample::key(96), 1, 1s);
  CHECK_FALSE(m.predict(sample::key(64), 1));
}

TEST_CASE("a measured size is predicted as measured, another one in proportion") {
  run_time_model m;
  m.learn(sample::key(), 4, 8s);
  CHECK(m.predict(sample::key(), 4) == 8s);
  CHECK(m.predict(sample::key(), 8) == 16s);
  CHECK(m.predict(sample::key(), 1) == 2s);
  m.learn(sample::key(), 1, 3s);
  CHECK(m.predict(sample::key(), 2) == 6s);
}

TEST_CASE("newer measurements weigh more, but one outlier does not rule") {
  run_time_model m;
  for (int i = 0; i < 10; ++i) m.learn(sample::key(), 1, 10s);
  m.learn(sample::key(), 1, 20s);
  CHECK(m.predict(sample::key(), 1) == 13s);
  for (int i = 0; i < 50; ++i) m.learn(sample::key(), 1, 20s);
  CHECK(*m.predict(sample::key(), 1) > 19'900ms);
}

TEST_CASE("the least recently learnt shapes are forgotten") {
  run_time_model m;
  for (std::size_t i = 0; i <= run_time_model::entries_max; ++i)
    m.learn(sample::key(static_cast<std::int32_t>(16 * (i + 1))), 1, 1s);
  CHECK_FALSE(m.predict(sample::key(16), 1));
  CHECK(m.predict(sample::key(32), 1));
}
