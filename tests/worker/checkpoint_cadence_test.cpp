// checkpoint_cadence_test.cpp: When a running batch is saved: cheap beside its steps, and often enough.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/worker/checkpoint_cadence.hpp"

using namespace reel;
using seconds = checkpoint_cadence::seconds;

namespace {

/// A whole job, of which each step and each save takes as long as the others.
struct run {
  std::vector<int> saved_after; ///< steps
  double share = 0;  ///< of the computing time that went into saves, these counted as they are by the cadence
  int most_lost = 0; ///< steps that a crash would take away, at the worst moment
};
run run_of(double step, double save, int steps, const checkpoint_cadence::options& o = {}) {
  checkpoint_cadence c{o};
  run r;
  int last = 0;
  for (int done = 1; done <= steps; ++done) {
    c.stepped(seconds{step});
    r.most_lost = std::max(r.most_lost, done - last);
    if (!c.is_due(steps, steps - done)) continue;
    c.saved(seconds{save});
    r.saved_after.push_back(last = done);
  }
  r.share = static_cast<double>(r.saved_after.size()) * std::max(save, o.save_least.count()) / (step * steps);
  return r;
}

} // namespace

TEST_CASE("a batch is saved after each tenth of its steps, where that costs next to nothing") {
  CHECK(run_of(10, 0.2, 40).saved_after == std::vector{4, 8, 12, 16, 20, 24, 28, 32, 36});
  CHECK(run_of(10, 0.01, 5).saved_after == std::vector{1, 2, 3, 4});
  CHECK(run_of(6, 0.3, 50).most_lost == 5);
}

TEST_CASE("where both bounds cannot be had, saves are as rare as their cost demands") {
  CHECK(run_of(1.01, 0.2, 40).saved_after == std::vector{5, 20, 30}); // the first counted as a tenth of a second
  CHECK(run_of(1.01, 0.1, 40).saved_after == std::vector{5, 10, 15, 20, 25, 30, 35});
  CHECK(run_of(0.5, 0, 20).saved_after == std::vector{10});
}

TEST_CASE("a short job is not saved, and nothing is where saves may cost nothing") {
  CHECK(run_of(0.1, 0, 40).saved_after.empty());
  CHECK(run_of(0.002, 0.1, 50).saved_after.empty());
  CHECK(run_of(100, 0.1, 40, {.cost_most = 0}).saved_after.empty());
  CHECK(run_of(0, 0, 40).saved_after.empty());
}

TEST_CASE(
    "saves stay within their part of the time, and what is lost within a tenth of the job where that part allows") {
  REQUIRE(rc::check([] {
    const auto step = *rc::gen::inRange(1, 20'000) / 1000.0, save = *rc::gen::inRange(0, 10'000) / 1000.0;
    const auto steps = *rc::gen::inRange(1, 200);
    const auto r = run_of(step, save, steps);
    const auto cost = std::max(save, 0.1);
    if (r.saved_after.size() > 1 || cost == 0.1) RC_ASSERT(r.share <= 0.02 + 1e-9);
    const auto tenth = std::max(1, steps / 10);
    const auto affordable = static_cast<int>(std::ceil((cost + std::max(cost, 0.1)) / 0.02 / step));
    RC_ASSERT(r.most_lost <= std::max(tenth, affordable) + 1);
  }));
}

TEST_CASE("a save is due by what came before it, not by what was foretold, and not when no step is left") {
  checkpoint_cadence c;
  for (int i = 0; i < 4; ++i) {
    CHECK_FALSE(c.is_due(40, 40 - i));
    c.stepped(seconds{10});
  }
  CHECK(c.is_due(40, 36));
  CHECK_FALSE(c.is_due(40, 0));
  CHECK_FALSE(c.is_due(80, 76)); // a tenth of a longer one has not been done
  c.saved(seconds{2});           // longer than it was counted before: 4 s in 200 s
  for (int i = 4; i < 20; ++i) {
    CHECK_FALSE(c.is_due(40, 40 - i));
    c.stepped(seconds{10});
  }
  CHECK(c.is_due(40, 20));
}
