// eta_test.cpp: When a job will end, as it is foretold while it waits. Virtual time.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Approx;

namespace {

/// One worker; a job takes 100 s.
struct world {
  explicit world(off_peak_windows off_peak = {}) : core{options_with(std::move(off_peak))} {
    core.reported(sample::report({sample::ready_worker("workers-1/0", 1)}), now);
  }
  static scheduler_options options_with(off_peak_windows off_peak) {
    scheduler_options o{.batch_max = 1};
    o.cost_priors[model_id{"wan-small"}] = {work_of(sample::key()), {{{1, 100.0}}}};
    o.off_peak = std::move(off_peak);
    return o;
  }
  job_id add(job_class cls, std::optional<wall_time> deadline = {}) {
    auto job = sample::waiting(++n, cls, sample::key(), wall);
    job.deadline = deadline;
    core.add(job, now);
    return job.id;
  }
  void plan() {
    auto result = core.plan(now, wall, ids);
    for (const auto& b : result.batches) core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
  }
  double eta_s(const job_id& id) const { return static_cast<double>(core.describe(id, now, wall)->eta_ms) / 1000; }
  void pass(std::chrono::seconds d) {
    now += d;
    wall += d;
  }

  scheduler_core core;
  instant now{1000s};
  wall_time wall = sample::wall0;
  id_generator ids;
  std::uint64_t n = 0;
};

} // namespace

TEST_CASE("a job ends after those before it, when nobody of a higher class comes") {
  world w;
  w.add(job_class::standard);
  w.plan();
  auto second = w.add(job_class::standard), third = w.add(job_class::standard);
  CHECK(w.eta_s(second) == Approx(200).margin(2));
  CHECK(w.eta_s(third) == Approx(300).margin(2));
  w.pass(40s);
  CHECK(w.eta_s(third) == Approx(260).margin(2));
}

TEST_CASE("higher classes that come as often as of late pass it") {
  world w;
  w.add(job_class::free);
  w.plan();
  std::vector<job_id> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(w.add(job_class::free));
  CHECK(w.eta_s(waiting.back()) == Approx(1100).margin(5));
  // A job of class vip every 200 s, each gone before the next: half of the worker's time.
  for (int i = 0; i < 100; ++i) {
    w.pass(200s);
    w.core.cancel(w.add(job_class::vip));
  }
  auto foretold = w.eta_s(waiting.back());
  CHECK(foretold > 1600);
  CHECK(foretold < 2400);
  CHECK(w.eta_s(w.add(job_class::vip)) < 210); // that does not hold up the class itself
}

TEST_CASE("an overload of higher classes is taken to pass") {
  world w;
  w.add(job_class::free);
  w.plan();
  for (int i = 0; i < 4; ++i) w.add(job_class::free);
  auto job = w.add(job_class::free);
  for (int i = 0; i < 1000; ++i) {
    w.pass(10s);
    w.core.cancel(w.add(job_class::vip));
  }
  CHECK(w.eta_s(job) > 1000);
  CHECK(w.eta_s(job) < 3600);
}

TEST_CASE("in peak hours a job of class free ends in off-peak hours, or in time") {
  const std::chrono::hours four{4}, six{6};
  world w{off_peak_windows{{{four, six}}}};
  w.add(job_class::standard);
  w.plan();
  auto job = w.add(job_class::free);
  w.plan();
  auto midnight = std::chrono::floor<std::chrono::days>(w.wall) + std::chrono::days{1}; // wall0 is 22:13 in UTC
  auto until_four_s = std::chrono::duration<double>(midnight + four - w.wall).count();
  CHECK(w.eta_s(job) == Approx(until_four_s + 100).margin(10));
  auto due = w.add(job_class::free, w.wall + 1h);
  CHECK(w.eta_s(due) == Approx(3600).margin(10)); // not before it has to
}

TEST_CASE("arrivals count by when they were created, and fade") {
  class_flow f;
  CHECK(f.jobs_per_s(job_class::vip, sample::wall0) == 0);
  auto at = sample::wall0;
  for (int i = 0; i < 3600; ++i) f.arrived(job_class::vip, at += 10s); // as they come, or read from a ledger
  CHECK(f.jobs_per_s(job_class::vip, at) == Approx(0.1).epsilon(0.01));
  CHECK(f.jobs_per_s(job_class::standard, at) == 0);
  CHECK(f.jobs_per_s(job_class::vip, at + class_flow::fades_in) == Approx(0.1 / std::exp(1)).epsilon(0.01));
  f.arrived(job_class::free, at);
  f.arrived(job_class::free, at - 1h); // late, and older
  CHECK(f.jobs_per_s(job_class::free, at + 1min) > 0);
  CHECK_FALSE(f.gpu_s(job_class::vip));
  f.ran(job_class::vip, 4, 400);
  CHECK(f.gpu_s(job_class::vip) == Approx(100));
  f.ran(job_class::vip, 1, 200);
  CHECK(*f.gpu_s(job_class::vip) > 100);
  CHECK(*f.gpu_s(job_class::vip) < 200);
}
