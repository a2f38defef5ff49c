// scheduler_core_test.cpp: What runs where and when; what happens when workers and batches get lost. Virtual
// time.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>
#include <set>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// A core with a clock of its own; the window is over unless a test is about it.
struct world {
  explicit world(std::size_t batch_max = 4) : core{{.batch_max = batch_max}} {}

  plan_result plan() { return core.plan(now, wall, ids); }
  void pass(std::chrono::milliseconds d) {
    now += d;
    wall += d;
  }
  void queue(std::uint64_t first, std::uint64_t last, batch_key key = sample::key()) {
    for (auto n = first; n <= last; ++n) core.add(sample::waiting(n, job_class::standard, key), now);
  }
  void grant(const planned_batch& b) {
    std::vector<granted_job> answer;
    for (const auto& job : b.jobs) {
      granted_job g;
      g.fence = job.fence + 1;
      g.attempts_used = job.attempts_used;
      g.request.id = job.id;
      answer.push_back(g);
    }
    core.granted(b.id, answer);
  }

  scheduler_core core;
  instant now{1000s};
  wall_time wall = sample::wall0 + 10s; // the sample jobs are old enough not to wait for company
  id_generator ids;
};

} // namespace

TEST_CASE("without a ready worker nothing is planned") {
  world w;
  w.queue(1, 3);
  CHECK(w.plan().batches.empty());
  auto starting = sample::ready_worker();
  starting.state = worker_state::starting;
  w.core.reported(sample::report({starting}), w.now);
  CHECK(w.plan().batches.empty());
}

TEST_CASE("a batch holds jobs of one key, in order, up to the limit") {
  world w;
  w.queue(1, 6);
  w.queue(7, 8, sample::key(96));
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(*batches[0].key == sample::key());
  REQUIRE(batches[0].jobs.size() == 4);
  CHECK(batches[0].jobs.front().id == sample::job(1));
  CHECK(w.core.view().running == 4);
}

TEST_CASE("a worker gets only models it can serve") {
  world w;
  w.queue(1, 1, sample::key(64, "other"));
  w.queue(2, 2);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].jobs[0].id == sample::job(2));
}

TEST_CASE("a young batch that is not full waits for company, but never longer than the window") {
  world w;
  w.wall = sample::wall0 + 1ms;
  w.queue(1, 1);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto held = w.plan();
  CHECK(held.batches.empty());
  REQUIRE(held.wake_at);
  CHECK(*held.wake_at - w.now <= 200ms);
  SECTION("until it is full") {
    w.queue(2, 4);
    CHECK(w.plan().batches.size() == 1);
  }
  SECTION("until the window ends") {
    w.pass(std::chrono::ceil<std::chrono::milliseconds>(*held.wake_at - w.now));
    CHECK(w.plan().batches.size() == 1);
  }
}

TEST_CASE("a batch held back does not hold up the other shapes behind it") {
  world w;
  w.wall = sample::wall0 + 1ms;
  w.queue(1, 1);
  w.queue(2, 5, sample::key(96));
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 1);
  CHECK(*batches[0].key == sample::key(96));
}

TEST_CASE("what takes no time is not held back") {
  world w;
  w.queue(1, 4);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto first = w.plan().batches.at(0);
  w.grant(first);
  w.core.closed(first.id, {}, 1ms, w.now);
  w.wall = sample::wall0 + 1ms;
  w.queue(5, 5);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("a busy worker gets its next batch only shortly before the present one ends") {
  world w;
  w.queue(1, 4);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto first = w.plan().batches.at(0);
  w.grant(first);
  w.core.closed(first.id, {}, 10'000ms, w.now); // now it knows: ten seconds
  w.queue(5, 12);
  REQUIRE(w.plan().batches.size() == 1);
  auto waiting = w.plan();
  CHECK(waiting.batches.empty());
  REQUIRE(waiting.wake_at);
  CHECK(*waiting.wake_at - w.now == 10s - 250ms);
  w.pass(9'750ms);
  CHECK(w.plan().batches.size() == 1);
  CHECK(w.plan().batches.empty()); // both credits used
}

TEST_CASE("jobs the ledger refused leave the batch, and an empty batch is forgotten") {
  world w;
  w.queue(1, 2);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  std::vector<granted_job> answer(2);
  answer[0].code = errc::stale;
  answer[1].fence = 1;
  SECTION("one of two") {
    w.core.granted(b.id, answer);
    CHECK(w.core.view().running == 1);
    CHECK(w.core.knows_batch(b.id));
  }
  SECTION("all") {
    answer[1].code = errc::stale;
    w.core.granted(b.id, answer);
    CHECK(w.core.view().running == 0);
    CHECK_FALSE(w.core.knows_batch(b.id));
  }
}

TEST_CASE("after a failed grant the jobs wait again, in their old places") {
  world w;
  w.queue(1, 4);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  w.core.grant_failed(b.id);
  CHECK(w.core.view().waiting[2] == 4);
  CHECK(w.plan().batches.at(0).jobs.front().id == sample::job(1));
}

TEST_CASE("a job to be retried waits for its time") {
  world w;
  w.queue(1, 1);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  w.grant(b);
  w.core.closed(b.id, {{sample::job(1), 1, 1, w.wall + 5s}}, {}, w.now, {.failed = true});
  auto held = w.plan();
  CHECK(held.batches.empty());
  CHECK(*held.wake_at == w.now + 5s);
  w.pass(5s);
  auto again = w.plan().batches;
  REQUIRE(again.size() == 1);
  CHECK(again[0].jobs[0].fence == 1);
  CHECK(again[0].jobs[0].attempts_used == 1);
}

TEST_CASE("a batch missing in its worker's reports for three seconds is lost") {
  world w;
  w.queue(1, 1);
  auto report = [&](std::vector<batch_id> batches) {
    auto status = sample::ready_worker();
    status.batches = std::move(batches);
    return w.core.reported(sample::report({status}), w.now).lost;
  };
  report({});
  auto b = w.plan().batches.at(0);
  w.pass(1min);
  CHECK(report({}).empty()); // not granted yet
  w.grant(b);
  CHECK(report({}).empty());
  for (int i = 0; i < 5; ++i) CHECK(report({}).empty()); // many reports at once say no more than one
  w.pass(2s);
  SECTION("it shows up") {
    CHECK(report({b.id}).empty());
    w.pass(2s);
    CHECK(report({}).empty());
  }
  SECTION("it does not") {
    CHECK(report({}).empty());
    w.pass(1s);
    CHECK(report({}) == std::vector{b.id});
  }
}

TEST_CASE("a node that may be gone gets no new work until it is heard again") {
  world w;
  w.queue(1, 1);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  w.core.node_suspect({"workers-1"}, true);
  CHECK(w.plan().batches.empty());
  w.core.node_suspect({"workers-1"}, false);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("a node that names another node's worker is not believed") {
  world w;
  w.queue(1, 1);
  w.core.reported(sample::report({sample::ready_worker("workers-1/0")}, "workers-2"), w.now);
  CHECK(w.plan().batches.empty());
}

TEST_CASE("an old page of the ledger does not touch what has happened since") {
  world w;
  w.queue(1, 1);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  w.grant(b);
  auto old = sample::waiting(1);
  old.state = job_state::leased;
  old.fence = 1;
  old.batch = b.id;
  old.worker = b.worker;
  SECTION("while the batch runs") { w.core.add(old, w.now); }
  SECTION("when its job waits again") {
    w.core.closed(b.id, {{sample::job(1), 1, 1, {}}}, {}, w.now, {.failed = true});
    w.core.add(old, w.now);
  }
  w.pass(1h);
  CHECK(w.core.expired_orphans(w.now).empty());
}

TEST_CASE("while jobs pour in, a small batch waits a moment; a single job does not") {
  world w(64);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto come = [&w, number = std::uint64_t{0}]() mutable {
    w.core.add(sample::waiting(++number, job_class::standard, sample::key(), w.wall), w.now);
  };
  auto run_all = [&w] {
    std::size_t jobs = 0;
    for (const auto& b : w.plan().batches) {
      jobs += b.jobs.size();
      w.grant(b);
      w.core.closed(b.id, {}, 1ms, w.now); // a tenth of the run time is nothing
    }
    return jobs;
  };
  come();
  w.pass(1s);
  CHECK(run_all() == 1);
  come();
  CHECK(run_all() == 1);                         // at once
  for (int ms = 0; ms < 60; ++ms, w.pass(1ms)) { // two a millisecond, and nobody plans
    come();
    come();
  }
  CHECK(run_all() == 120); // a full batch, and what had waited long enough
  come();
  auto held = w.plan();
  CHECK(held.batches.empty());
  CHECK(held.wake_at == w.now + 4ms);
  w.pass(4ms);
  CHECK(run_all() == 1);
  w.pass(1s); // the rush is over
  come();
  CHECK(run_all() == 1);
}

TEST_CASE("a job refused by the ledger is nowhere until it is read again") {
  world w(1);
  w.queue(1, 1);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  granted_job refused;
  refused.code = errc::stale;
  w.core.granted(b.id, {refused});
  CHECK_FALSE(w.core.describe(sample::job(1), w.now, w.wall));
  CHECK_FALSE(w.core.knows_batch(b.id));
  auto leased = sample::waiting(1);
  leased.state = job_state::leased;
  leased.batch = sample::batch(9);
  leased.worker = {"workers-1/0"};
  w.core.add(leased, w.now); // another grant got through
  w.pass(30s);
  CHECK(w.core.expired_orphans(w.now).size() == 1);
}

TEST_CASE("batches of a node that is down are lost, and its workers get no more") {
  world w;
  w.queue(1, 5);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  w.grant(b);
  CHECK(w.core.node_down({"workers-2"}).empty());
  CHECK(w.core.node_down({"workers-1"}) == std::vector{b.id});
  CHECK(w.plan().batches.empty());
}

TEST_CASE("a draining node gets no more batches") {
  world w;
  w.queue(1, 1);
  auto report = sample::report({sample::ready_worker()});
  report.draining = true;
  w.core.reported(report, w.now);
  CHECK(w.plan().batches.empty());
}

TEST_CASE("after a restart a running batch is adopted when its worker reports it") {
  world w;
  auto leased = sample::waiting(1);
  leased.state = job_state::leased;
  leased.fence = 3;
  leased.batch = sample::batch(7);
  leased.worker = {"workers-1/0"};
  w.core.add(leased, w.now);
  w.core.add(leased, w.now); // read twice
  auto there = sample::ready_worker();
  SECTION("claimed") {
    there.batches = {sample::batch(7)};
    auto result = w.core.reported(sample::report({there}), w.now);
    REQUIRE(result.adopted.size() == 1);
    CHECK(result.adopted[0].jobs.size() == 1);
    CHECK(result.adopted[0].jobs[0].fence == 3);
    CHECK(w.core.knows_batch(sample::batch(7)));
    w.pass(60s);
    CHECK(w.core.expired_orphans(w.now).empty());
  }
  SECTION("not claimed by its node") {
    w.core.reported(sample::report({there}), w.now);
    w.core.reported(sample::report({there}), w.now);
    CHECK(w.core.expired_orphans(w.now).empty());
    w.pass(3s);
    w.core.reported(sample::report({there}), w.now);
    CHECK(w.core.expired_orphans(w.now).size() == 1);
  }
  SECTION("cancelled meanwhile, or while nobody looked after it") {
    auto other = sample::waiting(2);
    other.state = job_state::leased;
    other.batch = leased.batch;
    other.worker = leased.worker;
    other.cancel_requested = true;
    w.core.add(other, w.now);
    CHECK_FALSE(w.core.cancel(sample::job(1)));
    there.batches = {sample::batch(7)};
    auto result = w.core.reported(sample::report({there}), w.now);
    REQUIRE(result.adopted.size() == 1);
    CHECK(result.adopted[0].cancelled == std::vector{sample::job(2), sample::job(1)});
  }
  SECTION("the node stays away") {
    w.pass(29s);
    CHECK(w.core.expired_orphans(w.now).empty());
    w.pass(1s);
    CHECK(w.core.expired_orphans(w.now).size() == 1);
    CHECK(w.core.expired_orphans(w.now).empty());
  }
  SECTION("only by its own worker") {
    auto liar = sample::ready_worker("workers-2/0");
    liar.batches = {sample::batch(7)};
    auto result = w.core.reported(sample::report({liar}, "workers-2"), w.now);
    CHECK(result.adopted.empty());
    CHECK(result.unknown.size() == 1);
  }
}

TEST_CASE("batches go to the worker that has been idle longest, and last to one that failed") {
  world w(1);
  w.core.reported(sample::report({sample::ready_worker("workers-1/0", 1), sample::ready_worker("workers-1/1", 1)}),
                  w.now);
  auto run_one = [&](std::uint64_t number, std::optional<std::chrono::milliseconds> measured) {
    w.queue(number, number);
    auto b = w.plan().batches.at(0);
    w.grant(b);
    w.core.closed(b.id, {}, measured, w.now, {.failed = !measured});
    return b.worker.value;
  };
  CHECK(run_one(1, 5ms) == "workers-1/0");
  CHECK(run_one(2, 5ms) == "workers-1/1");
  CHECK(run_one(3, {}) == "workers-1/0"); // fails
  CHECK(run_one(4, 5ms) == "workers-1/1");
  CHECK(run_one(5, 5ms) == "workers-1/1");
  w.pass(30s);
  CHECK(run_one(6, 5ms) == "workers-1/0");
}

TEST_CASE("cancelling takes a waiting job out and names the batch of a running one") {
  world w(1);
  w.queue(1, 2);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  CHECK(w.core.cancel(sample::job(1)) == b.id);
  CHECK_FALSE(w.core.cancel(sample::job(2)));
  CHECK(w.core.view().waiting[2] == 0);
}

TEST_CASE("a waiting job knows its place, a running one its step") {
  world w(1);
  w.queue(1, 3);
  w.core.reported(sample::report({sample::ready_worker()}), w.now);
  auto b = w.plan().batches.at(0);
  w.core.progressed({b.id, run_phase::denoising, 4, 10}, w.now);
  CHECK(w.core.describe(sample::job(1), w.now, w.wall)->step == 4);
  CHECK(w.core.describe(sample::job(2), w.now, w.wall)->queue_position == 1);
  CHECK(w.core.describe(sample::job(3), w.now, w.wall)->queue_position == 2);
  CHECK_FALSE(w.core.describe(sample::job(4), w.now, w.wall));
}

TEST_CASE("whatever happens, every job is in exactly one place until it has ended") {
  REQUIRE(rc::check([] {
    world w(3);
    std::vector<planned_batch> planned, running;
    std::set<job_id> alive;
    std::uint64_t next = 0;
    auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 700));
    for (int step : steps) {
      switch (step % 7) {
      case 0:
        for (int i = 0; i <= step / 7 % 4; ++i, ++next) {
          alive.insert(sample::job(next));
          w.queue(next, next, sample::key(16 * (1 + static_cast<int>(next % 3))));
        }
        break;
      case 1: {
        auto id = "workers-" + std::to_string(step / 7 % 2) + "/0";
        auto status = sample::ready_worker(id);
        for (const auto& b : running)
          if (b.worker.value == id) status.batches.push_back(b.id);
        w.core.reported(sample::report({status}, "workers-" + std::to_string(step / 7 % 2)), w.now);
        break;
      }
      case 2:
        for (auto& b : w.plan().batches) planned.push_back(std::move(b));
        break;
      case 3:
        if (planned.empty()) break;
        if (step % 2 == 0) {
          w.grant(planned.back());
          running.push_back(planned.back());
        } else
          w.core.grant_failed(planned.back().id);
        planned.pop_back();
        break;
      case 4: {
        if (running.empty()) break;
        std::vector<job_rerun> reruns;
        for (const auto& job : running.back().jobs) {
          if ((step + job.id.bytes[15]) % 3 == 0)
            reruns.push_back({job.id, job.fence, 1, w.wall + 50ms});
          else
            alive.erase(job.id);
        }
        w.core.closed(running.back().id, reruns, 20ms, w.now);
        running.pop_back();
        break;
      }
      case 5: w.pass(std::chrono::milliseconds{step}); break;
      case 6: w.core.node_down({"workers-" + std::to_string(step / 7 % 2)}); break;
      }
      auto v = w.core.view();
      RC_ASSERT(v.waiting_in_all() + v.delayed + v.running == alive.size());
      for (const auto& id : alive) RC_ASSERT(w.core.describe(id, w.now, w.wall).has_value());
    }
  }));
}
