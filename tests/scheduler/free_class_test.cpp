// free_class_test.cpp: Class free in peak hours: held back beside busy workers, served on idle ones, near its deadline
// and past its age; and whatever is configured, it is never starved. Virtual time.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const wall_time midnight{std::chrono::milliseconds{1'699'920'000'000}};

scheduler_options at_night(double margin = 0.1) {
  scheduler_options o{.batch_max = 1, .off_peak = off_peak_windows{{{22h, 6h}}}, .free_margin = margin};
  o.cost_priors[model_id{"wan-small"}] = {work_of(sample::key()), {{{1, 600.0}}}};
  return o;
}

/// Each worker runs one batch at a time; every batch takes ten minutes.
struct world {
  explicit world(int workers, scheduler_options o = at_night()) : core{std::move(o)} {
    std::vector<worker_status> all;
    for (int i = 0; i < workers; ++i) all.push_back(sample::ready_worker("workers-1/" + std::to_string(i), 1));
    core.reported(sample::report(all), now);
  }
  void add(std::uint64_t n, job_class cls, std::optional<wall_time> deadline = {}, std::string tenant = "acme") {
    auto j = sample::waiting(n, cls, sample::key(), wall);
    j.tenant = {std::move(tenant)};
    j.deadline = deadline;
    core.add(j, now);
  }
  plan_result plan() {
    auto result = core.plan(now, wall, ids);
    for (const auto& b : result.batches) {
      core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
      running.emplace_back(now + 10min, b.id);
    }
    return result;
  }
  /// Until `to`, as the scheduler's actor would: it plans when a batch ends and when it asked to be woken.
  void run_until(
      wall_time to, const std::function<void(const planned_batch&)>& started = [](auto&) {}) {
    for (;;) {
      auto result = plan();
      for (const auto& b : result.batches) started(b);
      auto next = now + (to - wall);
      if (result.wake_at) next = std::min(next, std::max(*result.wake_at, now + 1ms));
      if (!running.empty()) next = std::min(next, running.front().first);
      if (next >= now + (to - wall)) break;
      pass(std::chrono::ceil<std::chrono::milliseconds>(next - now));
      end_batches();
    }
    pass(std::chrono::ceil<std::chrono::milliseconds>(to - wall));
    end_batches();
  }
  void end_batches() {
    while (!running.empty() && running.front().first <= now) {
      core.closed(running.front().second, {}, 10min, now);
      running.erase(running.begin());
    }
  }
  void pass(std::chrono::milliseconds d) {
    now += d;
    wall += d;
  }

  scheduler_core core;
  instant now{1000s};
  wall_time wall = midnight + 8h;
  id_generator ids;
  std::vector<std::pair<instant, batch_id>> running;
};

} // namespace

TEST_CASE("without off-peak hours class free runs whenever its turn comes") {
  world w{1, {.batch_max = 1}};
  w.add(1, job_class::free);
  w.pass(1s);
  auto result = w.plan();
  CHECK(result.batches.size() == 1);
}

TEST_CASE("in peak hours class free waits, says why, and runs when the hours come") {
  world w{1};
  w.add(1, job_class::free);
  w.add(2, job_class::standard);
  w.pass(1s);
  auto result = w.plan();
  REQUIRE(result.batches.size() == 1);
  CHECK(result.batches[0].jobs[0].id == sample::job(2, midnight + 8h));
  w.run_until(midnight + 9h);
  auto idle = w.plan();
  CHECK(idle.batches.empty());       // one worker, and a margin
  CHECK(idle.wake_at == w.now + 5h); // past its age
  auto e = w.core.explain(sample::job(1, midnight + 8h), w.now, w.wall);
  CHECK(e.why == wait_reason::off_peak);
  CHECK(e.not_before == midnight + 22h);
  CHECK(
      to_string(e).starts_with("waits for off-peak hours, which begin at 2023-11-14T22:00Z, or for more idle workers; "
                               "1 of 1 worker that can run it idle"));
  w.pass(13h);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("in peak hours class free takes idle workers, but leaves the margin") {
  world w{8, at_night(0.25)};
  w.add(100, job_class::standard);
  for (std::uint64_t n = 0; n < 40; ++n) w.add(n, job_class::free);
  w.pass(1s);
  CHECK(w.plan().batches.size() == 6);
  w.add(101, job_class::standard);
  w.add(102, job_class::standard);
  w.pass(1s);
  CHECK(w.plan().batches.size() == 2); // for whom it was left
}

TEST_CASE("in peak hours class free takes no place in the batches of other classes, in off-peak hours it does") {
  auto options = at_night(0.5);
  options.batch_max = 4;
  options.cost_priors[model_id{"wan-small"}].seconds.points.emplace_back(4, 700.0);
  for (auto hours : {8h, 23h}) {
    world w{1, options};
    w.wall = midnight + hours;
    w.add(1, job_class::standard);
    for (std::uint64_t n = 2; n < 6; ++n) w.add(n, job_class::free);
    w.pass(1s);
    CHECK(w.plan().batches.at(0).jobs.size() == (hours == 8h ? 1 : 4));
  }
}

TEST_CASE(
    "a queue that holds class free back gives none of it to another class's batch, whatever the batch could hold") {
  job_queue q;
  q.add(sample::waiting(1));
  q.add(sample::waiting(2, job_class::free));
  q.hold_free([](const batch_key&) { return false; });
  auto head = q.first([](const batch_key&) { return true; }, {});
  CHECK(q.take(*head, 4, {}, 1).size() == 1);
  CHECK_FALSE(q.first([](const batch_key&) { return true; }, {}));
  q.hold_free({});
  CHECK(q.first([](const batch_key&) { return true; }, {})->id == sample::job(2));
}

TEST_CASE("jobs of class free are counted by due time as they come, go and pause") {
  job_queue q{{.dues = true}};
  auto due = [&q] {
    std::size_t jobs = 0;
    q.for_each_due([&](const batch_key&, wall_time, std::size_t n) { jobs += n; });
    return jobs;
  };
  for (std::uint64_t n = 0; n < 5; ++n) q.add(sample::waiting(n, job_class::free));
  q.add(sample::waiting(9));
  CHECK(due() == 5);
  q.remove(sample::job(4));
  q.take(sample::key(), 3); // the one of class standard, and two
  CHECK(due() == 2);
  q.pause({"acme"}, true);
  CHECK(due() == 0);
  q.remove(sample::job(3));
  q.pause({"acme"}, false);
  CHECK(due() == 1);
}

TEST_CASE("a job of class free is started in time for its deadline, before classes that pay, at any hour") {
  for (auto hours : {8h, 23h}) {
    world w{1};
    w.wall = midnight + hours;
    w.add(1, job_class::free, w.wall + 4h);
    for (std::uint64_t n = 0; n < 60; ++n) w.add(10 + n, job_class::vip);
    std::optional<wall_time> started;
    w.run_until(w.wall + 5h, [&](const planned_batch& b) {
      if (b.jobs[0].cls == job_class::free) started = w.wall;
    });
    REQUIRE(started);
    CHECK(*started > midnight + hours + 1h);
    CHECK(*started + 10min <= midnight + hours + 4h);
  }
}

TEST_CASE("a tenant of class free past its age has its turn in peak hours as well") {
  world w{1};
  w.add(1, job_class::free);
  for (std::uint64_t n = 0; n < 60; ++n) w.add(10 + n, job_class::vip);
  std::optional<wall_time> started;
  w.run_until(midnight + 16h, [&](const planned_batch& b) {
    if (b.jobs[0].cls == job_class::free) started = w.wall;
  });
  REQUIRE(started);
  CHECK(*started >= midnight + 14h);
  CHECK(*started <= midnight + 14h + 10min);
}

TEST_CASE("a batch of a day is spread over the peak hours when the off-peak hours before it is due cannot hold it") {
  auto options = at_night(1);
  options.queue.age_after[3] = 100h;
  world w{4, options};
  for (std::uint64_t n = 0; n < 84; ++n) w.add(n, job_class::free, midnight + 21h); // 14 worker-hours in 13 hours
  for (std::uint64_t n = 0; n < 500; ++n) w.add(1000 + n, job_class::standard);
  std::vector<wall_time> starts;
  w.run_until(midnight + 22h, [&](const planned_batch& b) {
    if (b.jobs[0].cls == job_class::free) starts.push_back(w.wall);
  });
  REQUIRE(starts.size() == 84);
  CHECK(starts.back() + 10min <= midnight + 21h);
  for (std::size_t i = 0; i + 3 < starts.size(); ++i)
    CHECK(starts[i + 3] - starts[i] >= 10min); // never more than three
  CHECK(starts.front() < midnight + 9h);
  CHECK(starts.back() > midnight + 14h);
}

TEST_CASE("a paused tenant's jobs are not owed, until it goes on") {
  world w{1};
  w.add(1, job_class::free, midnight + 9h, "paused");
  w.add(2, job_class::free, {}, "other");
  w.core.pause({"paused"}, true);
  w.pass(45min);
  CHECK(w.plan().batches.empty());
  w.core.pause({"paused"}, false);
  w.pass(1s);
  auto result = w.plan();
  REQUIRE(result.batches.size() == 1);
  CHECK(result.batches[0].jobs[0].tenant.value == "paused");
}

namespace {

/// One job after the other, made of a number each: its class, tenant, deadline and how long after it the next one
/// comes. Says which job of class free was started too late or never, if one was.
std::string late_free_job(const std::vector<int>& draws, double margin) {
  world w{2, at_night(margin)};
  std::map<job_id, wall_time> due;
  std::string late;
  auto started = [&](const planned_batch& b) {
    for (const auto& j : b.jobs) {
      auto found = due.find(j.id);
      if (found == due.end()) continue;
      if (w.wall + 10min > found->second) late += " late: " + to_string(j.id);
      due.erase(found);
    }
  };
  std::uint64_t n = 0;
  for (int d : draws) {
    auto cls = static_cast<job_class>(1 + d % 3);
    std::optional<wall_time> deadline;
    if (cls == job_class::free && d / 3 % 2 == 0) deadline = w.wall + 6h + std::chrono::minutes{d};
    w.add(++n, cls, deadline, "t" + std::to_string(d / 6 % 4));
    if (cls == job_class::free) due.emplace(sample::job(n, w.wall), deadline.value_or(w.wall + 24h));
    w.run_until(w.wall + std::chrono::minutes{7 + d % 5}, started);
  }
  w.run_until(w.wall + 25h, started);
  for (const auto& [id, at] : due) late += " never: " + to_string(id);
  return late;
}

} // namespace

TEST_CASE("a job of class free that is due is not kept waiting by one of its class that has only waited long") {
  CHECK(late_free_job({0, 307, 622, 32, 173, 0, 356, 2, 107, 188}, 1.0) == "");
}

TEST_CASE("whatever comes, class free is started within a day and its age, and before its deadline while it is alone") {
  REQUIRE(rc::check([] {
    auto margin = *rc::gen::element(0.0, 0.1, 1.0);
    RC_ASSERT(late_free_job(*rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1000)), margin) == "");
  }));
}
