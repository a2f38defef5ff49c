// running_quota_test.cpp: A tenant never runs more jobs than it may, whatever becomes of its batches; its other jobs
// wait and are passed by others; and all of them run in the end. Virtual time.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr auto standard = job_class::standard, low = job_class::free;

scheduler_options limited(running_limits acme, std::size_t batch_max = 4) {
  scheduler_options o;
  o.batch_max = batch_max;
  o.queue.running = {{{"acme"}, acme}};
  return o;
}

struct world {
  explicit world(scheduler_options o) : core{std::move(o)} {}

  plan_result plan() { return core.plan(now, wall, ids); }
  std::vector<planned_batch> run() {
    auto result = plan();
    for (const auto& b : result.batches) core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
    return result.batches;
  }
  void add(std::uint64_t first, std::uint64_t last, std::string tenant = "acme", job_class cls = standard,
           batch_key key = sample::key()) {
    for (auto n = first; n <= last; ++n) {
      auto j = sample::waiting(n, cls, key);
      j.tenant = {tenant};
      core.add(j, now);
    }
  }
  void workers(int count) {
    std::vector<worker_status> all;
    for (int i = 0; i < count; ++i) all.push_back(sample::ready_worker("workers-1/" + std::to_string(i), 1));
    core.reported(sample::report(all), now);
  }
  void close(const planned_batch& b) { core.closed(b.id, {}, 1s, now += 1s); }
  explanation why(std::uint64_t n) const { return core.explain(sample::job(n), now, wall); }

  scheduler_core core;
  instant now{1000s};
  wall_time wall = sample::wall0 + 10s;
  id_generator ids;
};

std::size_t jobs_in(const std::vector<planned_batch>& batches) {
  std::size_t jobs = 0;
  for (const auto& b : batches) jobs += b.jobs.size();
  return jobs;
}

} // namespace

TEST_CASE("who has no limit is not counted, and what is reached is said") {
  running_quota q{{{{"acme"}, {2, {}}}}};
  CHECK_FALSE(q.started({"other"}, standard));
  CHECK(q.started({"acme"}, standard));
  CHECK_FALSE(q.reached({"acme"}, low));
  CHECK(q.started({"acme"}, low));
  REQUIRE(q.reached({"acme"}, standard));
  CHECK(q.reached({"acme"}, standard)->running == 2);
  CHECK(q.reached({"acme"}, standard)->most == 2);
  CHECK(q.ended({"acme"}, low));
  CHECK_FALSE(q.reached({"acme"}, standard));
}

TEST_CASE("a batch takes no more of a tenant than may run, and others fill it up") {
  world w{limited({2, {}})};
  w.workers(1);
  w.add(1, 6);
  w.add(7, 9, "other");
  auto batches = w.run();
  REQUIRE(batches.size() == 1);
  REQUIRE(batches[0].jobs.size() == 4);
  CHECK(std::ranges::count(batches[0].jobs, tenant_id{"acme"}, &queue_entry::tenant) == 2);
}

TEST_CASE("a tenant at its limit is passed over, its jobs say why, and go on when others have ended") {
  world w{limited({1, {}})};
  w.workers(3);
  w.add(1, 3);
  w.add(4, 4, "other", low);
  auto batches = w.run();
  CHECK(jobs_in(batches) == 2); // the other tenant's, in a lower class, too
  const auto e = w.why(2);
  CHECK(e.why == wait_reason::quota);
  CHECK(e.tenant_running == 1);
  CHECK(e.running_max == 1);
  CHECK(to_string(e) == "waits: 1 of 1 job that its tenant may run at once are running");
  CHECK(w.run().empty());
  w.close(batches[0]);
  CHECK(jobs_in(w.run()) == 1);
}

TEST_CASE("a limit of one class leaves the other classes alone") {
  world w{limited({{}, {{{}, {}, {}, 1}}}, 1)};
  w.workers(4);
  w.add(1, 2, "acme", low);
  w.add(3, 4, "acme", standard);
  CHECK(jobs_in(w.run()) == 3);
  CHECK(w.why(2).why == wait_reason::quota);
}

TEST_CASE("a limit of nothing lets nothing run") {
  world w{limited({0, {}})};
  w.workers(1);
  w.add(1, 1);
  CHECK(w.run().empty());
  CHECK(w.why(1).why == wait_reason::quota);
}

TEST_CASE("grants that are refused or fail make room again") {
  world w{limited({1, {}})};
  w.workers(1);
  w.add(1, 2);
  auto b = w.plan().batches.at(0);
  SECTION("refused") {
    w.core.granted(b.id, {granted_job{errc::stale}});
    CHECK(w.run().at(0).jobs.at(0).id == sample::job(2));
  }
  SECTION("failed") {
    w.core.grant_failed(b.id, w.now);
    CHECK(w.run().at(0).jobs.at(0).id == sample::job(1));
  }
  CHECK(w.run().empty());
}

TEST_CASE("leases found in the ledger count as running until they end, are adopted and end, or nobody claims them") {
  world w{limited({1, {}})};
  w.add(2, 2);
  auto leased = sample::waiting(1);
  leased.tenant = {"acme"};
  leased.state = job_state::leased;
  leased.batch = w.ids.next<batch_id>(w.wall);
  leased.worker = {"workers-1/0"};
  w.core.add(leased, w.now);
  w.core.add(leased, w.now); // read twice, counted once
  SECTION("not claimed") {
    w.workers(2);
    CHECK(w.run().empty());
    w.now += 31s;
    CHECK(w.core.expired_orphans(w.now).size() == 1);
    CHECK(jobs_in(w.run()) == 1);
  }
  SECTION("adopted") {
    w.workers(2);
    REQUIRE(w.core.adopt(leased.batch, leased.worker, w.now));
    CHECK(w.run().empty());
    w.core.closed(leased.batch, {}, 1s, w.now);
    CHECK(jobs_in(w.run()) == 1);
  }
}

TEST_CASE("a retry waits for its turn under the limit like any other job") {
  world w{limited({1, {}})};
  w.workers(2);
  w.add(1, 2);
  auto b = w.run().at(0);
  w.core.closed(b.id, {{b.jobs[0].id, 1, 1, w.wall}}, {}, w.now);
  w.wall += 1s;
  w.now += 1s;
  CHECK(jobs_in(w.run()) == 1);
  CHECK(w.core.view().waiting_in_all() == 1);
}

TEST_CASE("a tenant that is paused and at its limit runs again only when neither holds") {
  world w{limited({1, {}})};
  w.workers(2);
  w.add(1, 2);
  auto b = w.run().at(0);
  w.core.pause({"acme"}, true);
  w.close(b);
  CHECK(w.run().empty());
  CHECK(w.why(2).why == wait_reason::tenant_paused);
  w.core.pause({"acme"}, false);
  CHECK(jobs_in(w.run()) == 1);
}

TEST_CASE("no batch is stopped for an urgent job that may not run") {
  auto o = limited({1, {}}, 1);
  o.preempt = true;
  world w{std::move(o)};
  w.workers(2);
  w.add(1, 1, "acme", job_class::urgent);
  w.add(2, 2, "other", low);
  CHECK(jobs_in(w.run()) == 2);
  w.add(3, 3, "acme", job_class::urgent);
  w.now += 10s;
  CHECK(w.plan().preempt.empty());
}

TEST_CASE("no history lets a tenant run more than it may, and every job runs in the end") {
  REQUIRE(rc::check([] {
    const std::uint64_t most = *rc::gen::inRange(1u, 5u), most_low = *rc::gen::inRange(1u, 5u);
    world w{limited({most, {{{}, {}, {}, most_low}}}, *rc::gen::inRange<std::size_t>(1, 6))};
    w.workers(*rc::gen::inRange(1, 6));
    std::uint64_t made = 0;
    std::vector<planned_batch> open;
    auto check = [&] {
      std::uint64_t all = 0, of_low = 0;
      for (const auto& b : open)
        for (const auto& j : b.jobs)
          if (j.tenant.value == "acme") ++all, of_low += j.cls == low;
      RC_ASSERT(all <= most && of_low <= most_low);
    };
    auto plan = [&] {
      for (auto& b : w.run()) open.push_back(std::move(b));
      check();
    };
    for (int steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
      switch (*rc::gen::inRange(0, 4)) {
      case 0:
        ++made;
        w.add(made, made, *rc::gen::element<std::string>("acme", "acme", "other"), *rc::gen::element(standard, low),
              sample::key(*rc::gen::element(64, 96)));
        break;
      case 1: plan(); break;
      default: {
        if (open.empty()) break;
        const auto i = *rc::gen::inRange<std::size_t>(0, open.size());
        const auto b = open[i];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
        std::vector<job_rerun> again;
        for (const auto& j : b.jobs)
          if (*rc::gen::inRange(0, 3) == 0) again.push_back({j.id, j.fence, j.attempts_used, w.wall});
        w.core.closed(b.id, again, 1s, w.now += 1s);
      }
      }
    }
    for (std::uint64_t left = 2 * made + 2; left > 0; --left) {
      w.wall += 1s;
      plan();
      while (!open.empty()) {
        w.close(open.back());
        open.pop_back();
      }
    }
    RC_ASSERT(w.core.view().waiting_in_all() == 0u);
  }));
}
