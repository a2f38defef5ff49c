// stages_test.cpp: Where a model's two experts take turns, work goes where its expert is, and a batch is handed over
// between the two where measured costs say that it pays, and only there.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "tests/scheduler/expert_workers.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;

namespace {

scheduler_options options(pipeline_mode mode, std::size_t batch_max = 1) {
  scheduler_options o{.batch_max = batch_max};
  o.pipeline = mode;
  return o;
}

const std::vector<std::int32_t> all_steps{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/// Of two workers, one holds the high-noise expert and the other the low-noise one, and all costs are known.
void make_one_of_each(expert_workers& w) {
  w.learn();
  for (std::uint64_t n = 800; n < 820; ++n) w.add(n);
  w.run_all();
  w.add(820); // alone: from one worker to the other
  w.run_all();
  w.loads = 0;
  w.handed_over = 0;
}

} // namespace

TEST_CASE("before the experts are known a batch runs whole, and from then on they are") {
  expert_workers w{2};
  for (std::uint64_t n = 1; n <= 4; ++n) w.add(n);
  for (const auto& b : w.plan()) CHECK(b.until_step == 0);
  CHECK(w.core.experts().high_steps(sample::key()) == 0);
  w.end_next();
  CHECK(w.core.experts().high_steps(sample::key()) == 6);
  CHECK(w.core.experts().load(sample::key().model) == 20s);
}

TEST_CASE("while work waits batches are handed over between the experts, and workers keep theirs") {
  expert_workers w{2};
  w.learn();
  for (std::uint64_t n = 1; n <= 40; ++n) w.add(n);
  w.run_all();
  for (std::uint64_t n = 1; n <= 40; ++n) {
    CHECK(w.steps[sample::job(n)] == all_steps);
    CHECK(w.ends[sample::job(n)] == 1);
  }
  CHECK(w.handed_over >= 30);
  CHECK(w.loads <= 40); // whole batches bring 80
}

TEST_CASE("time learnt of stages is that of a batch without bringing experts and handing over") {
  expert_workers w{2};
  w.learn();
  for (std::uint64_t n = 1; n <= 20; ++n) w.add(n);
  w.run_all();
  REQUIRE(w.handed_over > 5);
  auto takes = *w.core.models().cost().predict(sample::key(), 1);
  CHECK(takes > 99s);
  CHECK(takes < 101s);
}

TEST_CASE("a job goes to the idle worker that holds the expert of its next step") {
  expert_workers w{2};
  make_one_of_each(w);
  for (std::uint64_t n = 1; n <= 6; ++n) {
    w.add(n, job_class::standard, n % 2 == 0 ? 3 : 7);
    w.run_all();
    CHECK(w.loads == 0);
  }
}

TEST_CASE("nothing is handed over where it cannot pay") {
  auto handed_over = [](expert_workers& w, int jobs = 12, job_class cls = job_class::standard) {
    w.learn();
    for (int n = 1; n <= jobs; ++n) w.add(static_cast<std::uint64_t>(n), cls);
    w.run_all();
    for (int n = 1; n <= jobs; ++n) CHECK(w.steps[sample::job(static_cast<std::uint64_t>(n))] == all_steps);
    return w.handed_over;
  };
  SECTION("it is switched off") {
    expert_workers w{2, options(pipeline_mode::never)};
    CHECK(handed_over(w) == 0);
  }
  SECTION("there is one worker") {
    expert_workers w{1};
    CHECK(handed_over(w) == 0);
  }
  SECTION("bringing an expert is a small part of a batch") {
    expert_workers w{2, options(pipeline_mode::automatic), {.load = 1s, .give = 10ms, .take = 10ms}};
    CHECK(handed_over(w) == 0);
  }
  SECTION("handing over costs more: found out by the first ones") {
    expert_workers w{2, options(pipeline_mode::automatic), {.give = 40s, .take = 40s}};
    CHECK(handed_over(w, 60) <= 3);
  }
  SECTION("both experts stay on the device") {
    expert_workers w{2};
    for (std::uint64_t n = 1; n <= 12; ++n) w.add(n);
    for (auto batches = w.plan(); !batches.empty(); batches = w.plan())
      for (const auto& b : batches) {
        CHECK(b.until_step == 0);
        w.core.closed(b.id, {}, 100s, w.now += 100s);
      }
  }
  SECTION("the job is urgent") {
    expert_workers w{2};
    CHECK(handed_over(w, 12, job_class::urgent) == 0);
  }
}

TEST_CASE(
    "a job that nothing waits behind is handed over to an idle worker that holds its second expert, and to no other") {
  expert_workers w{2};
  make_one_of_each(w);
  SECTION("idle") {
    w.add(1);
    CHECK(w.plan().at(0).until_step == 6);
    w.run_all();
    CHECK(w.steps[sample::job(1)] == all_steps);
    CHECK(w.loads == 0);
  }
  SECTION("busy") {
    w.add(1, job_class::standard, 7);
    w.plan();
    w.add(2);
    CHECK(w.plan().at(0).until_step == 0);
  }
}

TEST_CASE("being handed over counts neither as an attempt nor as having made room") {
  expert_workers w{2};
  make_one_of_each(w);
  w.add(1);
  REQUIRE(w.plan().at(0).until_step == 6);
  w.end_next();
  auto again = w.plan().at(0).jobs.at(0);
  CHECK(again.id == sample::job(1));
  CHECK(again.key->steps_done == 6);
  CHECK(again.preempted == 0);
  CHECK(again.attempts_used == 0);
}

TEST_CASE("after one was lost on its way nothing is handed over for a while") {
  expert_workers w{2};
  w.learn();
  w.lose_runs = true;
  for (std::uint64_t n = 1; n <= 30; ++n) w.add(n);
  auto first = w.plan();
  REQUIRE(first.size() == 2);
  REQUIRE(first[0].until_step == 6);
  w.end_next();
  CHECK(w.plan().at(0).until_step == 0);
  w.lose_runs = false;
  w.pass(31s);
  w.end_next();
  CHECK(w.plan().at(0).until_step == 6);
}

TEST_CASE("a worker's new process holds neither expert") {
  expert_workers w{2};
  w.learn();
  w.report(2);
  for (std::uint64_t n = 1; n <= 30; ++n) w.add(n);
  for (const auto& b : w.plan()) CHECK(b.until_step == 0);
}

TEST_CASE("who waits for the second stage, or runs up to it, is told so") {
  expert_workers w{2};
  w.learn();
  for (std::uint64_t n = 1; n <= 30; ++n) w.add(n);
  auto b = w.plan().at(0);
  auto runs = w.core.explain(b.jobs[0].id, w.now, w.wall);
  CHECK(runs.until_step == 6);
  CHECK(to_string(runs).find("is handed over after step 6") != std::string::npos);
  b = w.end_next();
  auto waits = w.core.explain(b.jobs[0].id, w.now, w.wall);
  CHECK(waits.why == wait_reason::second_stage);
  CHECK(waits.step == 6);
  CHECK(waits.steps_total == 10);
  CHECK(waits.workers_fitting == 2);
  CHECK(to_string(waits).find("handed over with 6 of 10 steps done") != std::string::npos);
}

TEST_CASE("second stages do not wait while first ones keep coming") {
  expert_workers w{3};
  w.learn();
  std::map<job_id, instant> since;
  std::chrono::nanoseconds longest{0};
  std::uint64_t n = 0;
  for (int round = 0; round < 400; ++round) {
    while (w.core.queue().size() < 20) w.add(++n); // of one tenant, for ever
    for (const auto& b : w.plan())
      if (b.key->steps_done == 6)
        for (const auto& job : b.jobs) longest = std::max<std::chrono::nanoseconds>(longest, w.now - since[job.id]);
    auto b = w.end_next();
    if (b.until_step > 0)
      for (const auto& job : b.jobs) since[job.id] = w.now;
  }
  REQUIRE(w.handed_over > 100);
  CHECK(longest < 600s); // a batch takes 100 s
}

TEST_CASE("second stages are left to those who hold their expert, until they pile up") {
  expert_workers w{2};
  make_one_of_each(w);
  w.add(1, job_class::standard, 7);
  w.plan(); // that one is busy now
  std::uint64_t n = 2;
  SECTION("one waits") {
    w.add(n++, job_class::standard, 7);
    w.add(n);
    CHECK(w.plan().at(0).key->steps_done == 0);
  }
  SECTION("many wait") {
    while (n < 12) w.add(n++, job_class::standard, 7);
    w.add(n);
    CHECK(w.plan().at(0).key->steps_done == 7);
  }
}

TEST_CASE("in random worlds every job does each step once, in order, wherever it is handed over to") {
  REQUIRE(rc::check([] {
    expert_costs costs;
    costs.high_steps = *rc::gen::inRange(1, 10);
    costs.load = std::chrono::seconds{*rc::gen::inRange(0, 60)};
    costs.give = costs.take = std::chrono::seconds{*rc::gen::inRange(0, 60)};
    auto mode = *rc::gen::element(pipeline_mode::automatic, pipeline_mode::never, pipeline_mode::always);
    auto workers = *rc::gen::inRange<std::size_t>(1, 6);
    expert_workers w{workers, options(mode, *rc::gen::inRange<std::size_t>(1, 4)), costs};
    auto arrivals = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12)); // class, and rounds before the next
    const auto jobs = arrivals.size();
    std::size_t n = 0;
    int rounds = 0, pause = 0;
    while (n < jobs || !w.running.empty() || w.core.queue().size() > 0) {
      for (; pause == 0 && n < jobs; pause = arrivals[n++] / 4) w.add(n + 1, static_cast<job_class>(arrivals[n] % 4));
      pause = std::max(0, pause - 1);
      for (const auto& b : w.plan()) {
        RC_ASSERT(b.until_step == 0 || (b.until_step == costs.high_steps && b.key->steps_done < b.until_step));
        RC_ASSERT(b.until_step == 0 || (mode != pipeline_mode::never && workers > 1));
        if (b.until_step > 0 && mode == pipeline_mode::automatic)
          RC_ASSERT(1.5 * costs.load > 0.02 * 10 * costs.step); // else it cannot pay whatever handing over costs
      }
      w.running.empty() ? w.pass(300ms) : static_cast<void>(w.end_next());
      RC_ASSERT(++rounds < 2000); // nobody waits for ever
    }
    for (std::uint64_t i = 1; i <= jobs; ++i) {
      RC_ASSERT(w.steps[sample::job(i)] == all_steps);
      RC_ASSERT(w.ends[sample::job(i)] == 1u);
    }
  }));
}
