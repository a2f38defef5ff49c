// line_recovery_test.cpp: What becomes of jobs whose workers die or lack memory: who is blamed, who runs alone, what is
// kept. Actors of the line in virtual time; see line_world.hpp.
#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/supervisor/line_world.hpp"

using namespace reel;
using Catch::Approx;
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
  CHECK(w.saved_objects() == 2); // a part and its list
  w.save(first.batches.front(), 6);
  CHECK(w.saved_objects() == 2); // the earlier one is gone
  w.progress(first.batches.front(), 7);
  w.crash(first);
  CHECK(w.record(id).attempts_used == 1);
  CHECK(w.why(id).step == 6);
  CHECK(w.metric("reel_steps_lost_total") == 1);
  CHECK(w.metric("reel_checkpoints_total") == 2);
  CHECK(w.metric("reel_checkpoint_seconds_total") == Approx(0.004));
  auto& second = next_busy(w);
  CHECK(second.batches.front().jobs.at(0).saved.steps == 6);
  CHECK(w.why(id).from_step == 6);
  w.save(second.batches.front(), 8);
  CHECK(w.saved_objects() == 2);
  w.preempted(second, 0); // it could save nothing anew: the checkpoint is the best there is
  CHECK(next_busy(w).batches.front().jobs.at(0).saved.steps == 8);
  w.finish(next_busy(w));
  CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.saved_objects() == 0);
}

TEST_CASE("a checkpoint outlives its worker and the scheduler that was told of it") {
  line_world w;
  auto id = w.submit(1);
  auto& first = next_busy(w);
  w.save(first.batches.front(), 6);
  SECTION("both at once") {
    w.restart_scheduler();
    w.crash(first);
  }
  SECTION("the batch is adopted before its worker dies") {
    w.restart_scheduler();
    w.pass(3s);
    CHECK(w.why(id).from_step == 0); // it ran from the start
    w.crash(first);
  }
  SECTION("and saved again under the next scheduler") {
    w.restart_scheduler();
    w.pass(3s);
    w.save(first.batches.front(), 6);
    w.crash(first);
  }
  auto& second = next_busy(w);
  CHECK(second.batches.front().jobs.at(0).saved.steps == 6);
  w.finish(second);
  CHECK(w.record(id).state == job_state::succeeded);
}

TEST_CASE(
    "of a batch that crashed each job goes on alone from the checkpoint that they share, as long as one needs it") {
  line_world w{{}, 1};
  std::vector<job_id> jobs;
  for (std::uint64_t n = 1; n <= 3; ++n) jobs.push_back(w.submit(n));
  auto& batch = next_busy(w);
  REQUIRE(batch.batches.front().jobs.size() == 3);
  w.save(batch.batches.front(), 5);
  w.crash(batch);
  for (int i = 0; i < 3; ++i) {
    auto& one = next_busy(w);
    REQUIRE(one.batches.front().jobs.size() == 1);
    CHECK(one.batches.front().jobs[0].saved.steps == 5);
    CHECK(w.saved_objects() == 2);
    w.finish(one);
  }
  for (const auto& id : jobs) CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.saved_objects() == 0);
}

TEST_CASE("halves of a batch that lacked memory go on from its checkpoint") {
  line_world w{{}, 1};
  for (std::uint64_t n = 1; n <= 4; ++n) w.submit(n);
  w.save(next_busy(w).batches.front(), 3);
  w.finish(next_busy(w), errc::out_of_memory);
  for (int i = 0; i < 2; ++i) {
    CHECK(next_busy(w).batches.front().jobs.size() == 2);
    CHECK(next_busy(w).batches.front().jobs[0].saved.steps == 3);
    w.finish(next_busy(w));
  }
  CHECK(w.saved_objects() == 0);
}

TEST_CASE("who kills two workers alone is a dead letter also when it went on from a checkpoint, and that is removed") {
  line_world w;
  auto id = w.submit(1);
  w.save(next_busy(w).batches.front(), 3);
  w.crash(next_busy(w));
  CHECK(next_busy(w).batches.front().jobs[0].saved.steps == 3);
  w.crash(next_busy(w));
  CHECK(w.record(id).error == errc::poison);
  CHECK(w.saved_objects() == 0);
}

TEST_CASE("a checkpoint that its worker could not use is forgotten and removed, and the job begins from the start") {
  line_world w;
  auto id = w.submit(1);
  w.save(next_busy(w).batches.front(), 3);
  w.crash(next_busy(w));
  w.preempted(next_busy(w), 0, true);
  CHECK(w.saved_objects() == 0);
  CHECK(next_busy(w).batches.front().jobs[0].saved.is_none());
  w.finish(next_busy(w));
  CHECK(w.record(id).state == job_state::succeeded);
}

TEST_CASE("a checkpoint of an execution that is not the latest changes nothing") {
  line_world w;
  auto id = w.submit(1);
  auto& first = next_busy(w);
  auto old = first.batches.front();
  w.save(old, 3);
  w.crash(first);
  auto& second = next_busy(w);
  w.save(old, 9);
  w.crash(second);
  CHECK(w.record(id).state == job_state::dead_letter); // alone, twice
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
