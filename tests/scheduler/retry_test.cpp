// retry_test.cpp: What the scheduler makes of what executions taught: batches with a cap, retries within their budget,
// and contents that were poison.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "tests/scheduler/core_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

waiting_job marked(std::uint64_t number, const recovery_mark& mark) {
  auto job = sample::waiting(number);
  job.recovery = mark;
  return job;
}

} // namespace

TEST_CASE("a job with a cap runs in batches no larger than that") {
  core_world w;
  for (std::uint64_t n = 1; n <= 4; ++n) w.core.add(marked(n, {.batch_cap = 2}), w.now);
  for (std::uint64_t n = 5; n <= 6; ++n) w.core.add(marked(n, {.batch_cap = 1}), w.now);
  w.queue(7, 10);
  w.workers(8);
  std::multiset<std::size_t> sizes;
  for (const auto& b : w.plan().batches) {
    sizes.insert(b.jobs.size());
    for (const auto& job : b.jobs) CHECK(job.key->batch_cap == b.key->batch_cap);
  }
  CHECK(sizes == std::multiset<std::size_t>{1, 1, 2, 2, 4});
  CHECK(w.core.explain(sample::job(5), w.now, w.wall).why == wait_reason::runs);
}

TEST_CASE("the jobs of a batch that crashed run one by one") {
  core_world w;
  w.queue(1, 4);
  w.workers(8);
  auto batch = w.plan().batches.at(0);
  REQUIRE(batch.jobs.size() == 4);
  w.grant(batch);
  w.fail(batch, {.batch_cap = 1, .suspect_count = 1}, {}, 1);
  auto again = w.plan().batches;
  CHECK(again.size() == 4);
  for (const auto& b : again) CHECK(b.jobs.size() == 1);
}

TEST_CASE("a job that must run alone is not joined, and joins nobody") {
  core_world w;
  auto worker = sample::ready_worker();
  w.core.reported(sample::report({worker}), w.now);
  w.core.add(marked(1, {.batch_cap = 1}), w.now);
  auto alone = w.plan().batches.at(0);
  w.grant(alone);
  w.succeed(alone, 60s); // what one takes is known
  w.core.add(marked(2, {.batch_cap = 1}), w.now);
  auto running = w.plan().batches.at(0);
  w.grant(running);
  w.core.progressed({running.id, run_phase::denoising, 1, 10}, w.now);
  w.core.add(marked(3, {.batch_cap = 1}), w.now);
  w.queue(4, 4);
  CHECK(w.plan().batches.empty());
}

TEST_CASE("what a cap's batches take says what others of their shape take") {
  core_world w;
  w.workers(1);
  w.core.add(marked(1, {.batch_cap = 1}), w.now);
  auto alone = w.plan().batches.at(0);
  w.grant(alone);
  w.succeed(alone, 60s);
  CHECK(w.core.models().cost().predict(sample::key(), 1));
  CHECK(w.core.models().cost().count(sample::key(), 1) == 1);
}

TEST_CASE("retries run within the budget of their model, and none is forgotten") {
  core_world w{{.batch_max = 1}};
  w.workers(30);
  w.queue(1, 20);
  auto first = w.plan().batches;
  REQUIRE(first.size() == 20);
  for (const auto& b : first) {
    w.grant(b);
    w.fail(b, {}, w.wall + 1s);
  }
  CHECK(w.plan().batches.empty());
  w.pass(1s);
  auto some = w.plan();
  CHECK(some.batches.size() == 4); // a fifth of twenty
  REQUIRE(some.wake_at);
  CHECK(*some.wake_at - w.now <= 1s);
  CHECK(w.core.view().delayed == 16);
  auto why = w.core.explain(sample::job(20), w.now, w.wall);
  CHECK(why.why == wait_reason::retry_budget);
  CHECK(why.state == job_state::retry_wait);
  CHECK(why.retries_running == 4);
  CHECK(why.retries_max == 4);

  w.queue(21, 24); // others are not held up
  CHECK(w.plan().batches.size() == 4);
  w.core.cancel(sample::job(20));

  std::size_t ended = 0;
  for (auto running = some.batches; !running.empty();) {
    w.grant(running.back());
    w.succeed(running.back());
    running.pop_back();
    ++ended;
    for (auto& b : w.plan().batches) running.push_back(b);
    CHECK(running.size() <= 4);
  }
  CHECK(ended == 19);
  CHECK(w.core.view().delayed == 0);
}

TEST_CASE("a retry that leaves in another way gives its place back") {
  core_world w{{.batch_max = 1}};
  w.workers(4);
  w.queue(1, 4);
  for (const auto& b : w.plan().batches) {
    w.grant(b);
    w.fail(b, {}, w.wall + 1s);
  }
  w.pass(1s);
  auto three = w.plan().batches;
  REQUIRE(three.size() == 3);
  SECTION("its grant failed") {
    w.core.grant_failed(three[0].id, w.now);
    auto again = w.plan().batches;
    CHECK(again.size() == 1); // the same, not the fourth
  }
  SECTION("its grant was refused") {
    w.core.granted(three[0].id, {granted_job{errc::stale}});
    CHECK(w.plan().batches.size() == 1);
  }
  SECTION("it failed again") {
    w.grant(three[0]);
    w.fail(three[0], {}, w.wall + 10s, 2);
    CHECK(w.plan().batches.size() == 1);
  }
  SECTION("it was cancelled while it waited for a worker") {
    w.core.grant_failed(three[0].id, w.now);
    w.core.cancel(three[0].jobs[0].id);
    CHECK(w.plan().batches.size() == 1);
  }
}

TEST_CASE("what is not counted needs no place in the budget") {
  core_world w{{.batch_max = 1}};
  w.workers(10);
  w.queue(1, 10);
  for (const auto& b : w.plan().batches) {
    w.grant(b);
    w.fail(b, {}, w.wall + 1s, 0);
  }
  w.pass(1s);
  CHECK(w.plan().batches.size() == 10);
}

TEST_CASE("a canary runs alone when nothing else is to, one at a time") {
  core_world w;
  const recovery_mark canary{.batch_cap = 1, .canary = true};
  w.core.add(marked(1, canary), w.now);
  w.core.add(marked(2, canary), w.now);
  w.queue(3, 6);
  w.workers(1);
  auto others = w.plan().batches;
  REQUIRE(others.size() == 1);
  CHECK(others[0].jobs.size() == 4);
  CHECK(w.core.explain(sample::job(1), w.now, w.wall).why == wait_reason::canary);
  w.grant(others[0]);
  w.succeed(others[0]);

  w.workers(4);
  auto first = w.plan().batches;
  REQUIRE(first.size() == 1);
  CHECK(first[0].jobs.size() == 1);
  CHECK(first[0].jobs[0].id == sample::job(1));
  w.grant(first[0]);
  CHECK(w.plan().batches.empty());
  w.succeed(first[0]);
  CHECK(w.plan().batches.at(0).jobs.at(0).id == sample::job(2));
}
