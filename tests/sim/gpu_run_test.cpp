// gpu_run_test.cpp: Batches that share a simulated worker's passes take the time that one can compute by hand.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "src/reel-sim/gpu_run.hpp"

using namespace reel::sim;
using Catch::Approx;

namespace {

/// One job with so many steps to do.
rider one_job(job_index n, int steps) {
  rider r{{0, {n}, {}}, 0};
  r.steps_left = steps;
  return r;
}

} // namespace

TEST_CASE("a batch that joins shares the passes, and each ends after its own steps") {
  gpu_run run;
  run.take_in(one_job(1, 40), 0);
  run.set_pace(12'000); // 8 minutes for 40 steps of one job
  CHECK(run.next_end() == 480'000);
  CHECK(run.boundary(100'000) == 108'000);
  CHECK(run.passes_done(239'999) == 19);
  CHECK(run.advance(240'000) == 20);

  run.take_in(one_job(2, 40), 240'000);
  run.set_pace(15'000); // 10 minutes for 40 steps of two
  CHECK(run.next_end() == 240'000 + 20 * 15'000);
  run.advance(540'000);
  auto first = run.take_ended();
  REQUIRE(first.size() == 1);
  CHECK(first[0].batch.jobs[0] == 1);
  CHECK(first[0].steps_ran == 40);
  CHECK(first[0].together == 2);
  CHECK(first[0].computed == Approx(240'000 + 300'000 / 2));

  run.set_pace(12'000);
  CHECK(run.next_end() == 540'000 + 20 * 12'000);
  run.advance(780'000);
  auto second = run.take_ended();
  REQUIRE(second.size() == 1);
  CHECK(second[0].computed == Approx(300'000 / 2 + 240'000)); // both together: all the time there was
  CHECK(run.is_idle());
}

TEST_CASE("a boundary is the end of the pass that runs, or now between two") {
  gpu_run run;
  auto r = one_job(1, 4);
  r.loading = 500;
  run.take_in(std::move(r), 0);
  run.set_pace(1000);
  CHECK(run.boundary(100) == 500); // still loading: before its first step
  CHECK(run.boundary(1500) == 1500);
  CHECK(run.boundary(1501) == 2500);
  CHECK(run.passes_done(400) == 0);
  CHECK(run.passes_done(99'000) == 4); // no more than there are steps
  CHECK(run.next_end() == 4500);
}

TEST_CASE("steps shorter than the clock's unit end all the same") {
  gpu_run run;
  run.take_in(one_job(1, 1000), 0);
  run.set_pace(0.01);
  CHECK(run.next_end() == 10);
  run.advance(10);
  CHECK(run.take_ended().size() == 1);
}
