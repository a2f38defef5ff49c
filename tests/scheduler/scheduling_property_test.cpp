// scheduling_property_test.cpp: What holds of every plan, under random worlds: no idle worker beside a job it could
// run, no class before a higher one, every job in one place, shares by weight, and the same answer in whatever order
// things were told.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <rapidcheck.h>
#include <set>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const instant t0{1000s};
const wall_time w0 = sample::wall0 + 10s; // the sample jobs do not wait for company any more

waiting_job job_of(std::uint64_t n, std::uint64_t tenant, job_class cls, int shape, std::string model = "wan-small") {
  auto j = sample::waiting(n, cls, sample::key(64 + 16 * shape, std::move(model)));
  j.tenant = {"t" + std::to_string(tenant)};
  return j;
}

std::string worker_name(int n) { return "workers-1/" + std::to_string(n); }

id_generator counting_ids() {
  return id_generator{[n = 0](std::uint8_t* bytes, std::size_t size) mutable {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(++n);
  }};
}

void grant(scheduler_core& core, const planned_batch& b) {
  std::vector<granted_job> answer(b.jobs.size());
  for (auto& g : answer) g.fence = 1;
  core.granted(b.id, answer);
}

std::vector<waiting_job> random_jobs() {
  auto draws = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10'000));
  std::vector<waiting_job> jobs;
  for (int d : draws)
    jobs.push_back(job_of(jobs.size(), static_cast<std::uint64_t>(d % 5), static_cast<job_class>(d / 5 % 4), d / 20 % 3,
                          d / 60 % 5 == 0 ? "wan-other" : "wan-small"));
  return jobs;
}

} // namespace

TEST_CASE("no worker stays idle while a job waits that it could run, and every job is placed once") {
  REQUIRE(rc::check([] {
    auto jobs = random_jobs();
    auto workers = *rc::gen::inRange(0, 6);
    scheduler_core core{{.batch_max = 3}};
    auto ids = counting_ids();
    std::vector<worker_status> all;
    for (int i = 0; i < workers; ++i) all.push_back(sample::ready_worker(worker_name(i), 1));
    core.reported(sample::report(all), t0);
    for (const auto& j : jobs) core.add(j, t0);
    auto result = core.plan(t0, w0, ids);
    std::set<job_id> placed;
    std::set<worker_id> used;
    for (const auto& b : result.batches) {
      RC_ASSERT(used.insert(b.worker).second);
      RC_ASSERT(!b.jobs.empty() && b.jobs.size() <= 3);
      for (const auto& j : b.jobs) {
        RC_ASSERT(placed.insert(j.id).second);
        RC_ASSERT(*j.key == *b.key);
      }
    }
    std::size_t runnable_left = 0;
    for (const auto& j : jobs)
      if (!placed.contains(j.id) && j.key.model.value == "wan-small") ++runnable_left;
    RC_ASSERT(used.size() == static_cast<std::size_t>(workers) || runnable_left == 0);
    RC_ASSERT(core.view().waiting_in_all() + placed.size() == jobs.size());
  }));
}

TEST_CASE("no batch starts with a class while a higher one waits that its worker could run") {
  REQUIRE(rc::check([] {
    auto jobs = random_jobs();
    scheduler_core core{{.batch_max = 2}};
    auto ids = counting_ids();
    core.reported(sample::report({sample::ready_worker(worker_name(0), 1)}), t0);
    for (const auto& j : jobs) core.add(j, t0);
    std::map<job_id, waiting_job> waiting;
    for (const auto& j : jobs) waiting.emplace(j.id, j);
    auto now = t0;
    for (;;) {
      auto batches = core.plan(now, w0 + (now - t0) / 1ms * 1ms, ids).batches;
      if (batches.empty()) break;
      RC_ASSERT(batches.size() == 1);
      auto& b = batches[0];
      for (const auto& [id, j] : waiting)
        if (j.key.model.value == "wan-small") RC_ASSERT(j.cls >= b.jobs.front().cls);
      for (const auto& j : b.jobs) waiting.erase(j.id);
      grant(core, b);
      core.closed(b.id, {}, 1s, now += 1s);
    }
    for (const auto& [id, j] : waiting) RC_ASSERT(j.key.model.value == "wan-other");
  }));
}

TEST_CASE("the plan is the same in whatever order jobs and workers were told") {
  REQUIRE(rc::check([] {
    auto jobs = random_jobs();
    auto plan_of = [](const std::vector<waiting_job>& order, bool backwards) {
      scheduler_core core{{.batch_max = 3}};
      auto ids = counting_ids();
      for (const auto& j : order) core.add(j, t0);
      for (int i = 0; i < 4; ++i) {
        auto worker = sample::ready_worker(worker_name(backwards ? 3 - i : i), 1);
        core.reported(sample::report({worker}), t0);
      }
      std::vector<std::pair<std::string, std::vector<job_id>>> plan;
      for (const auto& b : core.plan(t0, w0, ids).batches) {
        plan.emplace_back(b.worker.value, std::vector<job_id>{});
        for (const auto& j : b.jobs) plan.back().second.push_back(j.id);
      }
      return plan;
    };
    auto other = jobs;
    std::ranges::reverse(other);
    RC_ASSERT(plan_of(jobs, false) == plan_of(other, true));
  }));
}

TEST_CASE("backlogged tenants share GPU-seconds by weight, whatever shapes they submit") {
  REQUIRE(rc::check([] {
    auto weights = *rc::gen::container<std::vector<int>>(4, rc::gen::inRange(1, 5));
    scheduler_core core{{.batch_max = 1}};
    auto ids = counting_ids();
    core.reported(sample::report({sample::ready_worker(worker_name(0), 1)}), t0);
    std::uint64_t n = 0;
    for (std::uint64_t t = 0; t < 4; ++t) {
      core.set_weight({"t" + std::to_string(t)}, weights[t]);
      for (int i = 0; i < 400; ++i) core.add(job_of(n++, t, job_class::standard, static_cast<int>(t)), t0);
    }
    std::map<std::string, double> used;
    auto now = t0;
    for (int i = 0; i < 400; ++i) {
      auto b = core.plan(now, w0, ids).batches.at(0);
      grant(core, b);
      auto takes = std::chrono::milliseconds{b.key->width};
      used[b.jobs[0].tenant.value] += static_cast<double>(takes.count());
      core.closed(b.id, {}, takes, now += takes);
    }
    // No two tenants are further apart than one job of each.
    for (std::uint64_t a = 0; a < 4; ++a)
      for (std::uint64_t b = 0; b < 4; ++b)
        RC_ASSERT(used["t" + std::to_string(a)] / weights[a] - used["t" + std::to_string(b)] / weights[b] <= 1300.0);
  }));
}

TEST_CASE("small worlds, all of them: every order of four jobs over classes and tenants is served in the right order") {
  for (int code = 0; code < 4 * 4 * 4 * 4; ++code)
    for (int tenants = 0; tenants < 16; ++tenants) {
      scheduler_core core{{.batch_max = 1}};
      auto ids = counting_ids();
      core.reported(sample::report({sample::ready_worker(worker_name(0), 1)}), t0);
      std::vector<std::pair<int, int>> jobs; // class, tenant
      for (int i = 0, c = code; i < 4; ++i, c /= 4) {
        jobs.emplace_back(c % 4, tenants >> i & 1);
        core.add(job_of(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(jobs[i].second),
                        static_cast<job_class>(jobs[i].first), 0),
                 t0);
      }
      auto now = t0;
      std::map<std::pair<int, int>, int> turns; // class, tenant
      std::set<std::size_t> left{0, 1, 2, 3};
      while (!left.empty()) {
        auto b = core.plan(now, w0, ids).batches.at(0);
        std::size_t i = b.jobs[0].id.bytes[15];
        for (auto k : left) {
          REQUIRE(jobs[i].first <= jobs[k].first);
          if (jobs[k] == jobs[i]) REQUIRE(i <= k);
          if (jobs[k].first == jobs[i].first) REQUIRE(turns[jobs[i]] <= turns[jobs[k]]);
        }
        ++turns[jobs[i]];
        left.erase(i);
        grant(core, b);
        core.closed(b.id, {}, 1s, now += 1s);
      }
    }
}
