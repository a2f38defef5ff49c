// line_recovery_test.cpp: What becomes of jobs whose workers die or lack memory: who is blamed, who runs alone, what is
// kept. Actors of the line in virtual time; see line_world.hpp.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/supervisor/line_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

played_worker& next_busy(line_world& w) {
  for (int k = 0; k < 200 && !w.busy(); ++k) w.pass(200ms);
  REQUIRE(w.busy());
  return *w.busy();
}

} // namespace

TEST_CASE("a job that takes down two workers alone is a dead letter, also when the scheduler restarts in between") {
  line_world w;
  auto id = w.submit(1);
  w.crash(next_busy(w));
  w.restart_scheduler();
  w.crash(next_busy(w));
  auto r = w.record(id);
  CHECK(r.state == job_state::dead_letter);
  CHECK(r.error == errc::poison);
  CHECK(r.fence == 2);
  CHECK(r.recovery.crash_workers.size() == 2);
  CHECK(w.why(id).cause == errc::poison);
}

TEST_CASE("of a batch that crashed each job runs alone, also when the scheduler restarts in between") {
  line_world w{{}, 1};
  std::vector<job_id> jobs;
  for (std::uint64_t n = 1; n <= 3; ++n) jobs.push_back(w.submit(n));
  auto& batch = next_busy(w);
  REQUIRE(batch.batches.front().jobs.size() == 3);
  w.crash(batch);
  w.restart_scheduler();
  for (int i = 0; i < 3; ++i) {
    auto& one = next_busy(w);
    CHECK(one.batches.front().jobs.size() == 1);
    CHECK(w.record(one.batches.front().jobs[0].id).recovery == recovery_mark{.batch_cap = 1, .suspect_count = 1});
    w.finish(one);
  }
  for (const auto& id : jobs) {
    CHECK(w.record(id).state == job_state::succeeded);
    CHECK(w.record(id).recovery == recovery_mark{});
  }
}

TEST_CASE("a poisoned job among others costs each of them one more execution, and itself three") {
  line_world w{{}, 2};
  std::vector<job_id> jobs;
  for (std::uint64_t n = 1; n <= 4; ++n) jobs.push_back(w.submit(n));
  const auto bad = jobs[2];
  for (int k = 0; k < 400; ++k) {
    auto* b = w.busy();
    if (!b) {
      w.pass(200ms);
      continue;
    }
    auto has_bad = std::ranges::find(b->batches.front().jobs, bad, &run_job::id) != b->batches.front().jobs.end();
    has_bad ? w.crash(*b) : w.finish(*b);
  }
  for (const auto& id : jobs) {
    auto r = w.record(id);
    CHECK(r.state == (id == bad ? job_state::dead_letter : job_state::succeeded));
    CHECK(r.attempts_used <= (id == bad ? 3u : 2u));
  }
}

TEST_CASE("jobs of a killed worker go on from their last checkpoint, which counts like any other execution") {
  line_world w;
  auto id = w.submit(1);
  auto& first = next_busy(w);
  w.save(first.batches.front(), 4);
  w.save(first.batches.front(), 6);
  w.crash(first);
  CHECK(w.record(id).attempts_used == 1);
  auto& second = next_busy(w);
  CHECK(second.batches.front().jobs.at(0).saved.steps == 6);
  w.save(second.batches.front(), 8);
  w.preempted(second, 0); // it could save nothing anew: the checkpoint is the best there is
  CHECK(next_busy(w).batches.front().jobs.at(0).saved.steps == 8);
  w.finish(next_busy(w));
  CHECK(w.record(id).state == job_state::succeeded);
}

TEST_CASE("too little memory for a batch is not counted: it runs in halves") {
  line_world w{{}, 1};
  std::vector<job_id> jobs;
  for (std::uint64_t n = 1; n <= 4; ++n) jobs.push_back(w.submit(n));
  REQUIRE(next_busy(w).batches.front().jobs.size() == 4);
  w.finish(next_busy(w), errc::out_of_memory);
  for (int i = 0; i < 2; ++i) {
    CHECK(next_busy(w).batches.front().jobs.size() == 2);
    w.finish(next_busy(w));
  }
  for (const auto& id : jobs) {
    CHECK(w.record(id).state == job_state::succeeded);
    CHECK(w.record(id).attempts_used == 1);
  }
}
