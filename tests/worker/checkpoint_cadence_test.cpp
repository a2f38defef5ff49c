// checkpoint_cadence_test.cpp: How often a running batch is saved: cheap beside its steps, and often enough.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/worker/checkpoint_cadence.hpp"

using namespace reel;

namespace {

using seconds = checkpoint_cadence::seconds;

int between(double step, double save, int steps_total) {
  return checkpoint_cadence::steps_between(seconds{step}, seconds{save}, steps_total, {});
}

} // namespace

TEST_CASE("a tenth of the steps lie between two checkpoints, where these cost next to nothing") {
  CHECK(between(10, 0.2, 40) == 4);
  CHECK(between(10, 0.2, 5) == 1);
  CHECK(between(10, 0, 100) == 10);
}

TEST_CASE("saving takes at most a fiftieth of the time, and where that is not to be had there is no checkpoint") {
  CHECK(between(1, 0.2, 40) == 10);
  CHECK(between(1, 0.2, 10) == 0);
  CHECK(between(0.001, 0.1, 50) == 0);
  CHECK(between(0, 0.1, 50) == 0);
}

TEST_CASE("both bounds hold, or the cheaper one does") {
  REQUIRE(rc::check([] {
    auto step = *rc::gen::inRange(1, 20'000) / 1000.0, save = *rc::gen::inRange(0, 10'000) / 1000.0;
    auto total = *rc::gen::inRange(1, 200);
    auto every = between(step, save, total);
    RC_ASSERT(every >= 0 && every < total);
    if (every == 0) return;
    RC_ASSERT(save <= 0.02 * every * step + 1e-9);
    bool often_enough = every <= std::max(1.0, 0.1 * total);
    bool would_cost_too_much = save > 0.02 * (every - 1) * step;
    RC_ASSERT(often_enough || would_cost_too_much);
  }));
}

TEST_CASE("a checkpoint is due by what steps and saves took, and not after the last step") {
  checkpoint_cadence c;
  for (int i = 0; i < 4; ++i) {
    CHECK_FALSE(c.is_due(40 - i));
    c.stepped(seconds{10});
  }
  CHECK(c.is_due(36));
  c.saved(seconds{2}); // longer than guessed: every tenth step now
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(c.is_due(36 - i));
    c.stepped(seconds{10});
  }
  CHECK(c.is_due(26));
  CHECK_FALSE(c.is_due(0));
}
