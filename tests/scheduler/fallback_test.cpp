// fallback_test.cpp: When a cheaper model stands in for another, for whom, and that nothing goes back and forth.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "tests/scheduler/core_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const model_id heavy{"wan-small"}, light{"wan-tiny"};

scheduler_options with_fallback(scheduler_options o = {.batch_max = 4}) {
  o.fallbacks[heavy] = {.light = light, .steps_max = 4};
  return o;
}

waiting_job keeps_model(std::uint64_t number) {
  auto job = sample::waiting(number);
  job.keeps_model = true;
  return job;
}

/// Trouble with the heavy model since long ago.
void shut(core_world& w) {
  w.core.obey(breaker_overrides{{{heavy, "", breaker_order::open, {"ops"}, {}}}}, w.now);
  w.pass(30s);
}

std::set<job_id> ids_of(const std::vector<queue_entry>& jobs) {
  std::set<job_id> ids;
  for (const auto& job : jobs) ids.insert(job.id);
  return ids;
}

} // namespace

TEST_CASE("what the fallback makes of a job: its shape where it can, in its own number of steps") {
  fallback_rule rule{.light = light, .sizes = {{64, 64}}, .frames_max = 17, .steps_max = 4};
  auto key = sample::key();
  key.steps_done = 3;
  auto on_light = light_key(key, rule);
  REQUIRE(on_light);
  CHECK(on_light->model == light);
  CHECK(on_light->steps == 4);
  CHECK(on_light->steps_done == 0);
  CHECK(on_light->width == key.width);
  CHECK_FALSE(light_key(sample::key(96), rule));
  rule.sizes.clear();
  rule.side_max = 96;
  CHECK(light_key(sample::key(96), rule));
  CHECK_FALSE(light_key(sample::key(112), rule));
  CHECK_FALSE(light_key(sample::key(72), rule)); // no multiple of 16
  rule.frames_max = 13;
  CHECK_FALSE(light_key(key, rule));
  CHECK(light_params({.model = heavy, .steps = 3}, rule).steps == 3);
}

TEST_CASE("while the breakers of a model have been open for half a minute, its fallback serves who allows it") {
  core_world w{with_fallback()};
  w.workers(4);
  w.queue(1, 3);
  for (std::uint64_t n = 4; n <= 6; ++n) w.core.add(keeps_model(n), w.now);
  w.core.obey(breaker_overrides{{{heavy, "", breaker_order::open, {"ops"}, {}}}}, w.now);
  w.pass(29s);
  CHECK(w.plan().batches.empty());
  w.pass(1s);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].key->model == light);
  CHECK(batches[0].key->steps == 4);
  CHECK(batches[0].degrade == degrade_reason::breaker);
  CHECK(ids_of(batches[0].jobs) == std::set{sample::job(1), sample::job(2), sample::job(3)});
  CHECK(w.core.explain(sample::job(4), w.now, w.wall).why == wait_reason::breaker);
  CHECK(w.core.explain(sample::job(1), w.now, w.wall).degraded == degrade_reason::breaker);

  w.core.obey(breaker_overrides{}, w.now);
  auto own = w.plan().batches;
  REQUIRE(own.size() == 1);
  CHECK(own[0].key->model == heavy);
  CHECK(own[0].degrade == degrade_reason::none);
  CHECK(own[0].jobs.size() == 3);
}

TEST_CASE("a shape that the fallback cannot make waits") {
  core_world w{with_fallback()};
  w.workers(1);
  w.queue(1, 1, sample::key(72));
  shut(w);
  CHECK(w.plan().batches.empty());
}

TEST_CASE("a job that the fallback has begun stays there, whatever becomes of its own model") {
  core_world w{with_fallback()};
  w.workers(1);
  w.queue(1, 1);
  shut(w);
  auto b = w.plan().batches.at(0);
  w.grant(b);
  w.fail(b, {.degraded = degrade_reason::breaker}, {});
  w.core.obey(breaker_overrides{}, w.now);
  auto again = w.plan().batches.at(0);
  CHECK(again.key->model == light);
  CHECK(again.degrade == degrade_reason::none); // the ledger knows why
}

TEST_CASE("when the fallback fails as well, nobody goes back: the jobs wait") {
  core_world w{with_fallback()};
  w.workers(1);
  w.queue(1, 1);
  shut(w);
  auto b = w.plan().batches.at(0);
  w.grant(b);
  w.fail(b, {.degraded = degrade_reason::breaker}, {});
  w.core.obey(breaker_overrides{{{light, "", breaker_order::open, {"ops"}, {}}}}, w.now); // and the heavy one is well
  w.queue(2, 2);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].jobs.at(0).id == sample::job(2));
  CHECK(batches[0].key->model == heavy);
  CHECK(w.core.explain(sample::job(1), w.now, w.wall).why == wait_reason::breaker);
}

TEST_CASE("both breakers open: everybody waits") {
  core_world w{with_fallback()};
  w.workers(2);
  w.queue(1, 4);
  w.core.obey(
      breaker_overrides{{{heavy, "", breaker_order::open, {"ops"}, {}}, {light, "", breaker_order::open, {"ops"}, {}}}},
      w.now);
  w.pass(1h);
  CHECK(w.plan().batches.empty());
}

TEST_CASE("jobs that gave up on their model come from the ledger as what the fallback makes of them") {
  core_world w{with_fallback()};
  w.workers(1);
  auto job = sample::waiting(1);
  job.recovery = {.light_attempts = 1, .degraded = degrade_reason::retries};
  w.core.add(job, w.now);
  CHECK(w.plan().batches.at(0).key->model == light);
  CHECK(w.core.served_by(light, {.model = heavy, .steps = 10}).model == light);
  CHECK(w.core.served_by(heavy, {.model = heavy, .steps = 10}).steps == 10);
}

TEST_CASE("probes of a half-open breaker go before the fallback") {
  core_world w{with_fallback({.batch_max = 1})};
  w.workers(1);
  w.queue(1, 5);
  for (int i = 0; i < 5; ++i) {
    auto b = w.plan().batches.at(0);
    w.grant(b);
    w.fail(b, {}, w.wall + 1h, 0, health_sign::bad);
  }
  w.workers(6);
  w.queue(10, 16);
  w.pass(36s);
  std::map<model_id, int> served;
  for (const auto& b : w.plan().batches) {
    ++served[b.key->model];
    CHECK(b.probe == (b.key->model == heavy));
  }
  CHECK(served == std::map<model_id, int>{{heavy, 2}, {light, 4}});
}

TEST_CASE("in an overload the fallback serves who allows it, until it is over") {
  auto o = with_fallback({.batch_max = 1});
  o.queued_jobs_max = 10;
  o.cost_priors[heavy] = {work_of(sample::key()), {{{1, 600.0}}}};
  core_world w{o};
  w.workers(1);
  w.queue(1, 1);
  w.grant(w.plan().batches.at(0));
  w.queue(2, 10); // nine wait, ten minutes each
  CHECK(w.plan().batches.empty());
  w.pass(60s);
  w.workers(2);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].key->model == light);
  CHECK(batches[0].degrade == degrade_reason::overload);
}
