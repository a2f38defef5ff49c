// line_actors_test.cpp: The actors of the line together, in virtual time: grant, run, commit, and what
// happens when workers, nodes, the scheduler or the ledger fail on the way. Ledger shell, scheduler, batch
// and node supervisors are the real ones; see line_world.hpp.
#include <catch2/catch_test_macros.hpp>

#include "tests/supervisor/line_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("a job goes through the line and is committed once") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  CHECK(w.record(id).state == job_state::leased);
  REQUIRE(w.busy());
  w.finish(*w.busy());
  auto r = w.record(id);
  CHECK(r.state == job_state::succeeded);
  CHECK(r.committed_fence == 1);
  CHECK(r.version == 3);
}

TEST_CASE("it can be asked why a job waits, where it runs and how it ended") {
  line_world w{{}, 1};
  std::vector<job_id> ids; // more than a batch
  for (std::uint64_t i = 1; i <= 20; ++i) ids.push_back(w.submit(i));
  w.pass(1s);
  auto& worker = w.worker(0);
  REQUIRE(worker.batches.size() == 1);
  auto first = worker.batches.front().jobs.front().id;
  auto running = w.why(first);
  CHECK(running.why == wait_reason::runs);
  CHECK(running.worker == worker.id);
  CHECK(running.batch_size == worker.batches.front().jobs.size());
  auto waiting = w.why(ids.back());
  CHECK(waiting.why == wait_reason::turn);
  CHECK(waiting.position > 0);
  CHECK(waiting.workers_fitting == 1);
  CHECK(to_string(waiting).find("1 worker can run it, all busy") != std::string::npos);
  w.finish(worker);
  w.pass(1s);
  auto ended = w.why(first);
  CHECK(ended.why == wait_reason::ended);
  CHECK(ended.state == job_state::succeeded);
}

TEST_CASE("jobs of a killed worker run again, and count as one attempt") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  w.crash(*w.busy());
  auto waiting = w.record(id);
  CHECK(waiting.state == job_state::retry_wait);
  CHECK(waiting.attempts_used == 1);
  w.pass(2s);
  REQUIRE(w.busy());
  w.finish(*w.busy());
  CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.record(id).committed_fence == 2);
}

TEST_CASE("a paused batch goes on later from where it stood, uncounted") {
  line_world w;
  auto first = w.submit(1), second = w.submit(2);
  w.pass(500ms);
  REQUIRE(w.busy());
  REQUIRE(w.busy()->batches[0].jobs.size() == 2);
  CHECK(w.busy()->batches[0].jobs[0].saved.is_none());
  w.pause(w.busy()->batches[0]);
  REQUIRE(w.busy()->stops.size() == 1);
  CHECK(w.busy()->stops[0].keep);
  CHECK(w.busy()->stops[0].jobs.empty());
  w.preempted(*w.busy(), 6);
  w.pass(500ms);
  std::vector<job_id> seen;
  while (auto* b = w.busy()) {
    for (const auto& job : b->batches[0].jobs) {
      CHECK(job.saved.steps == 6);
      CHECK(job.fence == 2);
      seen.push_back(job.id);
    }
    w.finish(*b);
  }
  CHECK(seen.size() == 2);
  for (const auto& id : {first, second}) {
    CHECK(w.record(id).state == job_state::succeeded);
    CHECK(w.record(id).attempts_used == 1);
    CHECK(w.record(id).committed_fence == 2);
  }
}

TEST_CASE("an urgent job takes the worker of a lower class at its next step, and that one goes on afterwards") {
  line_world w{{}, 1};
  auto low = w.submit(1, job_class::free);
  w.pass(500ms);
  auto& worker = w.worker(0);
  REQUIRE(worker.batches.size() == 1);
  auto urgent = w.submit(2, job_class::urgent);
  w.pass(100ms);
  REQUIRE(worker.stops.size() == 1);
  CHECK(worker.stops[0].keep);
  w.pass(2s); // it is told again until the batch ends
  CHECK(worker.stops.size() >= 2);
  w.preempted(worker, 6);
  REQUIRE(worker.batches.size() == 1);
  CHECK(worker.batches[0].jobs.at(0).id == urgent);
  CHECK(w.why(low).why == wait_reason::turn);
  w.finish(worker);
  w.pass(500ms);
  REQUIRE(worker.batches.size() == 1);
  CHECK(worker.batches[0].jobs.at(0).id == low);
  CHECK(worker.batches[0].jobs[0].saved.steps == 6);
  w.finish(worker);
  CHECK(w.record(urgent).state == job_state::succeeded);
  CHECK(w.record(low).state == job_state::succeeded);
  CHECK(w.record(low).attempts_used == 1); // the one that went through
}

TEST_CASE("a job joins the running batch of its kind when no worker is free") {
  line_world w{{}, 1};
  auto& worker = w.worker(0);
  w.submit(1);
  w.pass(500ms);
  w.finish(worker, errc::ok, 60s); // from now on it knows what one takes
  auto first = w.submit(2);
  w.pass(500ms);
  REQUIRE(worker.batches.size() == 1);
  CHECK_FALSE(worker.batches[0].join);
  w.progress(worker.batches[0], 1);
  auto second = w.submit(3);
  w.pass(500ms);
  REQUIRE(worker.batches.size() == 2);
  CHECK(worker.batches[1].join);
  CHECK(worker.batches[1].jobs.at(0).id == second);
  w.finish(worker);
  CHECK(w.record(first).state == job_state::succeeded);
  CHECK(w.record(second).state == job_state::leased);
  w.finish(worker);
  CHECK(w.record(second).state == job_state::succeeded);
}

TEST_CASE("batches are handed over between a model's two experts, uncounted, each to one that brings the next") {
  line_world w;
  for (std::size_t n = 0; n < 2; ++n) { // until both experts' times are known, they run whole
    w.submit(1 + n);
    w.pass(500ms);
    auto* whole = w.busy();
    REQUIRE(whole);
    CHECK(whole->batches[0].until_step == 0);
    w.finish(*whole, errc::ok, 140s, {expert::low_noise, 6, 2, 40'000});
  }
  std::vector<job_id> ids;
  for (std::uint64_t n = 10; n < 42; ++n) ids.push_back(w.submit(n));
  w.pass(500ms);
  std::size_t second_stages = 0;
  for (int round = 0; round < 100 && w.busy(); ++round) {
    auto& worker = *w.busy();
    auto b = worker.batches[0];
    auto steps_done = b.jobs[0].saved.steps;
    if (b.until_step > 0) {
      CHECK(b.until_step == 6);
      CHECK(w.why(b.jobs[0].id).until_step == 6);
      w.preempted(worker, 6, false, 80s, {expert::high_noise, 6, 1, 20'000});
      for (const auto& job : b.jobs) CHECK(w.record(job.id).attempts_used == 0);
    } else {
      second_stages += steps_done == 6 ? 1 : 0;
      w.finish(worker, errc::ok, steps_done == 6 ? 60s : 140s, {expert::low_noise, 6, 1, 20'000});
    }
    w.pass(500ms);
  }
  CHECK(second_stages > 0);
  for (const auto& id : ids) {
    CHECK(w.record(id).state == job_state::succeeded);
    CHECK(w.record(id).attempts_used == 1);
  }
}

TEST_CASE("a node that is taken away hands its batches back with their work, and another goes on") {
  line_world w;
  auto id = w.submit(1);
  w.pass(500ms);
  auto& gone = *w.busy();
  act::post(gone.node, pause_slots{});
  w.system.run();
  REQUIRE(gone.stops.size() == 1);
  CHECK(gone.stops[0].keep);
  w.preempted(gone, 6);
  w.pass(500ms);
  CHECK(gone.batches.empty());
  REQUIRE(w.busy());
  CHECK(w.busy()->batches[0].jobs.at(0).saved.steps == 6);
  CHECK(w.system.ask<done>(gone.node, drain{20s}, 1s)->value()); // it is empty
  w.finish(*w.busy());
  CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.record(id).attempts_used == 1);
}

TEST_CASE("what does not get out in time is handed back without its work, uncounted") {
  line_world w;
  auto id = w.submit(1);
  w.pass(500ms);
  auto& gone = *w.busy();
  act::post(gone.node, pause_slots{});
  w.pass(19s);
  CHECK(w.record(id).fence == 1);
  gone.batches.clear();
  w.pass(3s);
  REQUIRE(w.busy());
  CHECK(w.busy() != &gone);
  w.finish(*w.busy());
  CHECK(w.record(id).fence == 2);
  CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.record(id).attempts_used == 1);
}

TEST_CASE("a saved run outlives crashes and a new scheduler, until a worker has no use for it") {
  line_world w;
  auto id = w.submit(1);
  auto next = [&w] {
    for (int k = 0; k < 100 && !w.busy(); ++k) w.pass(200ms);
    REQUIRE(w.busy());
    return w.busy()->batches[0].jobs.at(0).saved.steps;
  };
  CHECK(next() == 0);
  w.preempted(*w.busy(), 6);
  CHECK(next() == 6);
  w.crash(*w.busy());
  CHECK(next() == 6);
  w.restart_scheduler();
  w.preempted(*w.busy(), 0); // before it could do anything
  CHECK(next() == 6);
  w.preempted(*w.busy(), 8);
  CHECK(next() == 8);
  w.preempted(*w.busy(), 0, true);
  CHECK(next() == 0);
  w.finish(*w.busy());
  CHECK(w.record(id).state == job_state::succeeded);
  CHECK(w.record(id).attempts_used == 2);
}

TEST_CASE("what only waited on a worker that was killed runs elsewhere, uncounted") {
  line_world w{{}, 1};
  auto first = w.submit(1);
  w.pass(200ms);
  w.finish(*w.busy()); // now it is known how long they take, and the next is queued behind
  auto running = w.submit(2);
  w.pass(200ms);
  auto waiting = w.submit(3);
  w.pass(200ms);
  REQUIRE(w.busy());
  REQUIRE(w.busy()->batches.size() == 2);
  w.crash(*w.busy());
  CHECK(w.record(running).attempts_used == 1);
  CHECK(w.record(waiting).attempts_used == 0);
  for (int k = 0; k < 20; ++k) {
    w.pass(500ms);
    while (auto* b = w.busy()) w.finish(*b);
  }
  for (const auto& id : {first, running, waiting}) CHECK(w.record(id).state == job_state::succeeded);
}

TEST_CASE("a grant whose answer got lost does not lose its jobs") {
  line_world w;
  w.grants_unanswered = true;
  std::vector<job_id> jobs;
  for (std::uint64_t n = 1; n <= 5; ++n) jobs.push_back(w.submit(n));
  w.pass(30s); // grants time out, are repeated, and refused: the jobs are leased already
  w.grants_unanswered = false;
  for (int k = 0; k < 200; ++k) {
    w.pass(500ms);
    while (auto* b = w.busy()) w.finish(*b);
  }
  for (const auto& id : jobs) {
    CHECK(w.record(id).state == job_state::succeeded);
    CHECK(w.record(id).attempts_used == 1);
  }
}

TEST_CASE("a job that is cancelled while nobody knows of its grant ends all the same") {
  line_world w;
  w.grants_unanswered = true;
  auto id = w.submit(1);
  w.pass(1s);
  CHECK(w.record(id).state == job_state::leased);
  w.cancel(id);
  w.pass(30s);
  w.grants_unanswered = false;
  w.pass(5s);
  CHECK(w.record(id).state == job_state::cancelled);
}

TEST_CASE("supervisors of batches end with their scheduler") {
  line_world w;
  auto idle = w.system.running();
  w.submit(1);
  w.pass(200ms);
  REQUIRE(w.busy());
  CHECK(w.system.running() == idle + 1);
  w.end_scheduler();
  CHECK(w.system.running() == idle - 2); // neither the supervisor nor the scheduler and its door
}

TEST_CASE("a worker that takes nothing does not keep a job") {
  line_world w{{}, 2};
  w.worker(0).silent = true;
  auto id = w.submit(1);
  for (int k = 0; k < 100 && !w.busy(); ++k) w.pass(500ms);
  REQUIRE(w.busy() == &w.worker(1));
  w.finish(*w.busy());
  auto r = w.record(id);
  CHECK(r.state == job_state::succeeded);
  CHECK(r.attempts_used == 1); // only the execution that ran
}

TEST_CASE("a restarted scheduler adopts what runs, and nothing runs twice") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  REQUIRE(w.busy());
  w.restart_scheduler();
  w.pass(5s);
  w.finish(*w.busy());
  auto r = w.record(id);
  CHECK(r.state == job_state::succeeded);
  CHECK(r.committed_fence == 1);
  CHECK(w.busy() == nullptr);
}

TEST_CASE("a worker that dies while the scheduler is away: its job runs again, and it counts") {
  line_world w{{}, 1};
  auto id = w.submit(1);
  w.pass(200ms);
  REQUIRE(w.busy());
  w.worker(0).silent = true;
  w.restart_scheduler();
  w.crash(w.worker(0)); // its node tells the new scheduler
  w.worker(0).silent = false;
  w.pass(5s);
  REQUIRE(w.busy());
  CHECK(w.record(id).attempts_used == 1);
  w.finish(*w.busy());
  CHECK(w.record(id).state == job_state::succeeded);
}

TEST_CASE("a cancelled running job is stopped at its worker and never succeeds") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  auto* worker = w.busy();
  REQUIRE(worker);
  w.cancel(id);
  REQUIRE(worker->stops.size() == 1);
  CHECK(worker->stops[0].jobs == std::vector{id});
  w.finish(*worker); // it was too late to stop: the result is refused
  CHECK(w.record(id).state == job_state::cancelled);
  CHECK(w.record(id).committed_fence == 0);
}

TEST_CASE("a job cancelled while its lease has nobody is stopped when the batch is adopted") {
  line_world w;
  auto id = w.submit(1);
  w.pass(200ms);
  auto* worker = w.busy();
  REQUIRE(worker);
  w.restart_scheduler();
  w.cancel(id);
  w.pass(5s);
  REQUIRE_FALSE(worker->stops.empty());
  CHECK(worker->stops[0].jobs == std::vector{id});
  w.finish(*worker);
  CHECK(w.record(id).state == job_state::cancelled);
}

TEST_CASE("a waiting job that is cancelled never runs") {
  line_world w{{}, 1};
  w.worker(0).silent = true;
  auto id = w.submit(1);
  w.cancel(id);
  w.worker(0).silent = false;
  w.pass(10s);
  CHECK(w.busy() == nullptr);
  CHECK(w.record(id).state == job_state::cancelled);
}

TEST_CASE("whatever fails in whatever order, every job ends once") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    line_world w{seed, 3};
    std::mt19937_64 random{seed};
    std::vector<job_id> jobs;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 8) {
      case 0:
      case 1: jobs.push_back(w.submit(jobs.size() + 1)); break;
      case 2: w.pass(std::chrono::milliseconds{random() % 3000}); break;
      case 3:
        if (auto* b = w.busy()) w.crash(*b);
        break;
      case 4: w.restart_scheduler(); break;
      case 5: w.ledger_down = !w.ledger_down; break;
      case 6:
        if (!jobs.empty()) w.cancel(jobs[random() % jobs.size()]);
        break;
      default:
        if (auto* b = w.busy()) w.finish(*b);
      }
    }
    w.ledger_down = false;
    for (int k = 0; k < 400; ++k) {
      w.pass(500ms);
      while (auto* b = w.busy()) w.finish(*b);
    }
    for (const auto& id : jobs) {
      auto r = w.record(id);
      CHECK(is_terminal(r.state));
      CHECK(r.attempts_used <= 4);
      if (r.state == job_state::succeeded) CHECK(r.committed_fence == r.fence);
    }
  }
}
