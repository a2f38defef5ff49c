// join_test.cpp: Jobs join a running batch of their key where it pays, and only then. Virtual time.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// Of the reference model: 8 minutes alone, 14 for four.
const prior_curve published{{{1, 480}, {4, 840}, {8, 1320}}};
const prior_curve linear{{{1, 480}, {8, 8 * 480}}};

scheduler_options options_with(const prior_curve& seconds) {
  scheduler_options o{.batch_max = 4};
  o.cost_priors[model_id{"wan-small"}] = {work_of(sample::key()), seconds};
  return o;
}

/// One worker that takes two batches.
struct world {
  explicit world(scheduler_options o = options_with(published)) : core{std::move(o)} { workers({"0"}); }
  void workers(const std::vector<std::string>& slots) {
    std::vector<worker_status> all;
    for (const auto& slot : slots) all.push_back(sample::ready_worker("workers-1/" + slot, 2));
    for (auto& one : all) one.memory_bytes = 80'000'000'000;
    core.reported(sample::report(all), now);
  }
  std::vector<planned_batch> plan() {
    auto result = core.plan(now, wall, ids);
    for (const auto& b : result.batches) core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
    preempted = result.preempt;
    return result.batches;
  }
  void add(std::uint64_t n, job_class cls = job_class::standard, batch_key key = sample::key(),
           std::optional<wall_time> deadline = {}) {
    auto j = sample::waiting(n, cls, std::move(key));
    j.deadline = deadline;
    core.add(j, now);
  }
  void pass(std::chrono::seconds d) {
    now += d;
    wall += d;
  }
  /// A batch of one that has done so many of its steps.
  planned_batch running(int step, std::optional<wall_time> deadline = {}) {
    add(1, job_class::standard, sample::key(), deadline);
    pass(1s); // it waited for company
    auto b = plan().at(0);
    core.progressed({b.id, run_phase::denoising, step, b.key->steps}, now);
    return b;
  }

  scheduler_core core;
  instant now{1000s};
  wall_time wall = sample::wall0 + 10s;
  id_generator ids;
  std::vector<preemption> preempted;
};

} // namespace

TEST_CASE("jobs that no worker is free for join the running batch of their key") {
  world w;
  auto first = w.running(2);
  for (std::uint64_t n = 2; n <= 6; ++n) w.add(n);
  auto joined = w.plan();
  REQUIRE(joined.size() == 1);
  CHECK(joined[0].join);
  CHECK(joined[0].worker == first.worker);
  CHECK(joined[0].jobs.size() == 3); // to four
  CHECK(w.plan().empty());           // one batch at a time
  w.core.closed(first.id, {}, {}, w.now, {.together = 4});
  w.core.closed(joined[0].id, {}, {}, w.now, {.together = 4});
  CHECK(w.plan().at(0).jobs.size() == 2);
}

TEST_CASE("batches that nobody can join do not hide the one behind them") {
  auto o = options_with(published);
  o.memory_priors[model_id{"wan-small"}] = {volume_of(sample::key()), 0, {{{1, 20e9}, {4, 36e9}}}};
  world w{std::move(o)};
  std::vector<worker_status> all{sample::ready_worker("workers-1/0", 2)};
  all[0].memory_bytes = 80'000'000'000;
  for (int i = 1; i <= 16; ++i) { // they come first: small devices do, and more are not asked at one plan
    all.push_back(sample::ready_worker("workers-1/" + std::to_string(i), 2));
    all.back().memory_bytes = 25'000'000'000;
  }
  w.core.reported(sample::report(all), w.now);
  for (std::uint64_t n = 1; n <= 17; ++n) {
    w.add(n);
    w.pass(1s);
    for (const auto& b : w.plan()) w.core.progressed({b.id, run_phase::denoising, 2, b.key->steps}, w.now);
  }
  for (std::uint64_t n = 20; n < 30; ++n) w.add(n);
  CHECK(w.plan().empty()); // the small ones
  auto joined = w.plan();
  REQUIRE(joined.size() == 1);
  CHECK(joined[0].worker.value == "workers-1/0");
  CHECK(joined[0].jobs.size() == 3);
}

TEST_CASE("nobody joins where it does not pay or the batch cannot take them") {
  SECTION("time in proportion to the jobs") {
    world w{options_with(linear)};
    w.running(2);
    w.add(2);
    CHECK(w.plan().empty());
  }
  SECTION("it has not begun to denoise") {
    world w;
    auto b = w.running(0);
    w.core.progressed({b.id, run_phase::encoding, 0, b.key->steps}, w.now);
    w.add(2);
    CHECK(w.plan().empty());
  }
  SECTION("its last step is under way") {
    world w;
    w.running(sample::key().steps - 1);
    w.add(2);
    CHECK(w.plan().empty());
  }
  SECTION("another key") {
    world w;
    w.running(2);
    w.add(2, job_class::standard, sample::key(128));
    CHECK(w.plan().empty());
  }
  SECTION("its worker would take another job next") {
    world w;
    w.running(2);
    w.add(2, job_class::vip, sample::key(128));
    w.add(3);
    CHECK(w.plan().empty());
  }
  SECTION("a running job would miss its deadline") {
    world w;
    w.running(2, w.wall + 450s); // it has some 384 s to go, and 480 with the other
    w.add(2);
    CHECK(w.plan().empty());
  }
  SECTION("an urgent job preempts instead") {
    world w;
    w.running(2);
    w.add(2, job_class::urgent);
    CHECK(w.plan().empty());
    CHECK(w.preempted.size() == 1);
  }
  SECTION("it is switched off") {
    auto o = options_with(published);
    o.join = false;
    world w{o};
    w.running(2);
    w.add(2);
    CHECK(w.plan().empty());
  }
  SECTION("a worker is free, and waits for company") {
    world w;
    w.running(2);
    w.workers({"0", "1"});
    w.wall += 1ms;
    auto job = sample::waiting(50);
    w.core.add(job, w.now);
    for (const auto& b : w.plan()) CHECK_FALSE(b.join);
  }
}

TEST_CASE("an urgent job stops what is computed together, and both go on together") {
  world w;
  auto first = w.running(2);
  w.add(2);
  auto second = w.plan().at(0);
  REQUIRE(second.join);
  w.add(9, job_class::urgent);
  w.plan();
  REQUIRE(w.preempted.size() == 2);
  CHECK(w.preempted[0].id == first.id);
  CHECK(w.preempted[1].id == second.id);
  CHECK(w.core.stopping().size() == 2);
  w.core.closed(first.id, {{first.jobs[0].id, 1, 0, {}, 5, true}}, {}, w.now);
  w.core.closed(second.id, {{second.jobs[0].id, 1, 0, {}, 3, true}}, {}, w.now);
  CHECK(w.core.stopping().empty());
  CHECK(w.plan().at(0).jobs[0].id == sample::job(9));
}

TEST_CASE("batches that were computed together are charged their own part of the time, not twice") {
  world w;
  auto first = w.running(2);
  auto other = sample::waiting(2);
  other.tenant = {"other"};
  w.core.add(other, w.now);
  auto second = w.plan().at(0);
  REQUIRE(second.join);
  w.pass(1000s);
  w.core.closed(first.id, {}, {}, w.now, {.together = 2, .used = 400s});
  w.core.closed(second.id, {}, {}, w.now, {.together = 2, .used = 600s});
  // Whoever was given less is next: by the wall both would have had 1000 s and more.
  w.add(10);
  other.id = sample::job(11);
  w.core.add(other, w.now);
  CHECK(w.core.queue().virtual_start(job_class::standard, {"acme"}) <
        w.core.queue().virtual_start(job_class::standard, {"other"}));
  CHECK(w.core.queue().virtual_start(job_class::standard, {"other"}) < 1200); // by the wall it would be 1480
}

TEST_CASE("a batch is expected to end as its steps say, at the pace of what joined it") {
  world w;
  auto first = w.running(5);
  CHECK(w.core.describe(first.jobs[0].id, w.now, w.wall)->eta_ms == 240'000);
  w.add(2);
  auto second = w.plan().at(0);
  REQUIRE(second.join);
  w.add(3); // waits for the worker, which is free when the joiner has done its ten steps at the pace of two jobs
  auto takes = w.core.describe(sample::job(3), w.now, w.wall)->eta_ms;
  CHECK(takes >= 600'000 + 840'000); // by then it will have company
  CHECK(takes <= 610'000 + 840'000);
  w.pass(100s);
  w.core.progressed({second.id, run_phase::denoising, 5, second.key->steps}, w.now); // half of it
  takes = w.core.describe(sample::job(3), w.now, w.wall)->eta_ms;
  CHECK(takes >= 300'000 + 480'000);
  CHECK(takes <= 310'000 + 480'000);
}

TEST_CASE("memory that batches took together is learnt as theirs together") {
  world w;
  auto first = w.running(2);
  w.add(2);
  auto second = w.plan().at(0);
  w.core.closed(first.id, {}, {}, w.now, {.peak_bytes = 30'000'000'000, .together = 2});
  CHECK(*w.core.models().memory().bound(sample::key(), 2) < 1.5 * 30e9); // measured at two, not at one
  w.core.closed(second.id, {{second.jobs[0].id, 1, 0, {}}}, {}, w.now, {.out_of_memory = true, .together = 2});
  CHECK(w.core.models().memory().fits(sample::key(), 8, 80'000'000'000, w.now) == 1);
}
