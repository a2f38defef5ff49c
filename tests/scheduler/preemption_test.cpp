// preemption_test.cpp: Urgent jobs take workers from running batches, and these lose nothing; a worker takes what it
// runs well; and the core says why a job waits. Virtual time.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t gb = 1'000'000'000;

struct world {
  explicit world(scheduler_options o = {.batch_max = 1, .preempt = true}) : core{std::move(o)} {}

  plan_result plan() {
    auto result = core.plan(now, wall, ids);
    for (const auto& b : result.batches) core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
    return result;
  }
  void add(std::uint64_t n, job_class cls, batch_key key = sample::key(), std::string tenant = "acme") {
    auto j = sample::waiting(n, cls, std::move(key));
    j.tenant = {std::move(tenant)};
    core.add(j, now);
  }
  void worker(const std::string& slot, std::uint64_t memory_bytes = 80 * gb) {
    auto w = sample::ready_worker("workers-1/" + slot, 1);
    w.memory_bytes = memory_bytes;
    core.reported(sample::report({w}), now);
  }
  /// It was paused after so many steps in all.
  void preempted(const planned_batch& b, std::int32_t steps) {
    std::vector<job_rerun> reruns;
    for (const auto& job : b.jobs) reruns.push_back({job.id, job.fence, job.attempts_used, {}, steps, true});
    core.closed(b.id, reruns, {}, now);
  }
  void pass(std::chrono::seconds d) {
    now += d;
    wall += d;
  }

  scheduler_core core;
  instant now{1000s};
  wall_time wall = sample::wall0 + 10s;
  id_generator ids;
};

} // namespace

TEST_CASE("an urgent job without a free worker stops one batch of the lowest class, the youngest of them") {
  world w;
  for (auto* slot : {"0", "1", "2"}) w.worker(slot);
  w.add(1, job_class::vip);
  w.plan();
  w.add(2, job_class::free);
  w.plan();
  w.pass(10s);
  w.add(3, job_class::free);
  auto youngest = w.plan().batches.at(0);
  w.pass(5s);
  w.add(9, job_class::urgent);
  auto result = w.plan();
  CHECK(result.batches.empty());
  REQUIRE(result.preempt.size() == 1);
  CHECK(result.preempt[0].id == youngest.id);
  CHECK(w.plan().preempt.empty()); // one is enough
  w.preempted(youngest, 4);
  auto next = w.plan();
  REQUIRE(next.batches.size() == 1);
  CHECK(next.batches[0].jobs[0].id == sample::job(9));
  CHECK(next.preempt.empty());
  w.add(10, job_class::urgent);
  CHECK(w.plan().preempt.size() == 1); // the other free one
}

TEST_CASE("what runs on a worker that was gone and came back is not paused in place of what it ran before") {
  world w;
  w.worker("0");
  w.add(1, job_class::free);
  auto before = w.plan().batches.at(0);
  w.pass(10s);
  w.add(9, job_class::urgent);
  REQUIRE(w.plan().preempt.size() == 1);
  CHECK(w.core.stopping() == std::vector{before.id});
  CHECK(w.core.node_down({"workers-1"}) == std::vector{before.id});
  w.worker("0"); // and the ledger has not taken the end of its batch yet
  auto now = w.plan().batches.at(0);
  CHECK(now.jobs[0].id == sample::job(9));
  CHECK(w.core.stopping().empty());
  w.preempted(before, 0);
  CHECK(w.core.stopping().empty());
}

TEST_CASE("a paused job runs badly wherever it goes, and is passed by younger ones of its tenant for a while only") {
  scheduler_options o{.batch_max = 4};
  o.cost_priors[model_id{"wan-small"}] = {work_of(sample::key()), {{{1, 10.0}, {4, 16.0}}}}; // four are far better
  world w{o};
  w.worker("0");
  auto add = [&](std::uint64_t first, std::chrono::minutes after, std::int32_t saved_steps = 0) {
    for (auto n = first; n < first + (saved_steps > 0 ? 1 : 4); ++n) {
      auto j = sample::waiting(n, job_class::free, sample::key(), sample::wall0 + after);
      j.saved_steps = saved_steps;
      w.core.add(j, w.now);
    }
  };
  auto runs = [&] {
    auto b = w.plan().batches.at(0);
    w.core.closed(b.id, {}, std::chrono::seconds{b.jobs.size() == 4 ? 16 : 10}, w.now);
    return b.jobs[0].id;
  };
  w.pass(20min);
  add(1, 0min, 5);
  add(10, 4min);
  CHECK(runs() == sample::job(10, sample::wall0 + 4min)); // full batches first
  add(20, 6min);
  CHECK(runs() == sample::job(1));
  CHECK(runs() == sample::job(20, sample::wall0 + 6min));
}

TEST_CASE("an urgent job is not bound to a worker that is still busy, and nothing goes before it there") {
  scheduler_options o{.batch_max = 1};
  o.cost_priors[model_id{"wan-small"}] = {work_of(sample::key()), {{{1, 100.0}}}};
  world w{o};
  auto both = [&] {
    w.core.reported(sample::report({sample::ready_worker("workers-1/0", 2), sample::ready_worker("workers-1/1", 2)}),
                    w.now);
  };
  both();
  w.add(1, job_class::standard);
  w.add(2, job_class::standard);
  auto running = w.plan().batches;
  REQUIRE(running.size() == 2);
  w.pass(100s); // both are about to end, and may take long over it
  w.add(3, job_class::standard);
  w.add(9, job_class::urgent);
  CHECK(w.plan().batches.empty());
  w.core.closed(running[1].id, {}, 110s, w.now);
  auto next = w.plan().batches;
  REQUIRE(!next.empty());
  CHECK(next[0].jobs[0].id == sample::job(9));
  CHECK(next[0].worker == running[1].worker);
}

TEST_CASE("a job goes to the kind of worker that is better at it than others are") {
  scheduler_options o{.batch_max = 1};
  o.cost_priors[model_id{"wan-small"}] = {work_of(sample::key()), {{{1, 10.0}}}};
  o.cost_priors[model_id{"wan-tiny"}] = {work_of(sample::key()), {{{1, 10.0}}}};
  world w{o};
  auto worker = [&w](const std::string& slot, const std::string& device) {
    auto one = sample::ready_worker("workers-1/" + slot, 1);
    one.device = device;
    w.core.reported(sample::report({one}), w.now);
  };
  auto small = sample::key(), tiny = sample::key(64, "wan-tiny");
  std::uint64_t n = 0;
  // Large is twice as fast as slim with wan-small, and as fast with wan-tiny.
  auto learn = [&](const batch_key& key, std::chrono::seconds takes) {
    w.add(++n, job_class::standard, key);
    auto b = w.plan().batches.at(0);
    w.core.closed(b.id, {}, takes, w.now);
  };
  worker("0", "large");
  learn(small, 5s);
  learn(tiny, 10s);
  w.core.node_down({"workers-1"});
  worker("1", "slim");
  learn(small, 10s);
  learn(tiny, 10s);
  worker("0", "large");
  w.pass(60s);
  for (int i = 0; i < 4; ++i) w.add(++n, job_class::standard, i % 2 ? small : tiny);
  auto batches = w.plan().batches;
  REQUIRE(batches.size() == 2);
  for (const auto& b : batches)
    CHECK(b.key->model.value == (b.worker.value == "workers-1/0" ? "wan-small" : "wan-tiny"));
}

TEST_CASE("a preempted job waits again with its steps, and that counts as no attempt") {
  world w;
  w.worker("0");
  w.add(1, job_class::free);
  auto b = w.plan().batches.at(0);
  w.add(2, job_class::urgent);
  w.plan();
  w.preempted(b, 4);
  w.core.closed(w.plan().batches.at(0).id, {}, 1s, w.now);
  auto again = w.plan().batches.at(0);
  CHECK(again.jobs[0].attempts_used == b.jobs[0].attempts_used);
  CHECK(again.jobs[0].preempted == 1);
  CHECK(again.key->steps == b.key->steps);
  CHECK(again.key->steps_done == 4); // it shares a batch only with jobs as far as itself
}

TEST_CASE("a job that comes from the ledger with a saved run has the rest of its steps to go") {
  world w;
  w.worker("0");
  auto job = sample::waiting(1, job_class::standard);
  job.saved_steps = 7;
  w.core.add(job, w.now);
  auto live = *w.core.describe(job.id, w.now, w.wall);
  CHECK(live.step == 7);
  CHECK(live.steps_total == job.key.steps);
  auto b = w.plan().batches.at(0);
  CHECK(b.key->steps_done == 7);
  CHECK(w.core.describe(job.id, w.now, w.wall)->steps_total == job.key.steps);
  w.core.closed(b.id, {{job.id, 1, 0, {}, 0}}, {}, w.now); // the saved run was of no use
  CHECK(w.plan().batches.at(0).key->steps_done == 0);
}

TEST_CASE("urgent batches are not stopped, nor batches about to end, nor anything when it is switched off") {
  auto stops = [](job_class running, std::chrono::seconds passed, bool preempt) {
    world w{{.batch_max = 1, .preempt = preempt}};
    w.worker("0");
    w.add(1, running);
    w.core.closed(w.plan().batches.at(0).id, {}, 60s, w.now); // now it knows: a minute
    w.add(2, running);
    w.plan();
    w.pass(passed);
    w.add(3, job_class::urgent);
    return w.plan().preempt.size();
  };
  CHECK(stops(job_class::standard, 10s, true) == 1);
  CHECK(stops(job_class::urgent, 10s, true) == 0);
  CHECK(stops(job_class::standard, 59s, true) == 0);
  CHECK(stops(job_class::standard, 10s, false) == 0);
}

TEST_CASE("a batch whose worker cannot run the urgent job is left alone") {
  world w;
  w.worker("0");
  w.add(1, job_class::free);
  w.plan();
  w.add(2, job_class::urgent, sample::key(64, "other"));
  CHECK(w.plan().preempt.empty());
}

TEST_CASE("jobs of a tenant with more weight get more turns in the core as well") {
  world w{{.batch_max = 1, .weights = {{{"heavy"}, 3.0}}}};
  w.worker("0");
  for (std::uint64_t n = 0; n < 80; ++n) w.add(n, job_class::standard, sample::key(), n % 2 == 0 ? "heavy" : "light");
  int heavy = 0;
  for (int i = 0; i < 40; ++i) {
    auto b = w.plan().batches.at(0);
    heavy += b.jobs[0].tenant.value == "heavy";
    w.core.closed(b.id, {}, 1s, w.now);
    w.pass(1s);
  }
  CHECK(heavy >= 29);
  CHECK(heavy <= 31);
}

TEST_CASE("a small card takes the shape it runs as well as a large one, while the other waits for the large one") {
  scheduler_options o{.batch_max = 8};
  for (int width : {64, 128}) {
    // By model, to keep the two apart: the large one fits only once on the small card.
    model_id m{width == 64 ? "wan-small" : "wan-tiny"};
    o.cost_priors[m] = {work_of(sample::key(width, m.value)), {{{1, 480}, {8, 1320}}}};
    double scale = width == 64 ? 1 : 4;
    o.memory_priors[m] = {volume_of(sample::key(width, m.value)), 0, {{{1, scale * 2 * gb}, {8, scale * 9 * gb}}}};
  }
  world w{o};
  w.worker("large");
  for (std::uint64_t n = 0; n < 8; ++n) w.add(100 + n, job_class::vip, sample::key(128, "wan-tiny"));
  CHECK(w.plan().batches.at(0).worker.value == "workers-1/large");
  w.worker("small", 24 * gb);
  for (std::uint64_t n = 0; n < 20; ++n) {
    w.add(200 + n, job_class::standard, sample::key(128, "wan-tiny"), "a");
    w.add(300 + n, job_class::standard, sample::key(64), "b");
  }
  auto b = w.plan().batches.at(0);
  CHECK(b.worker.value == "workers-1/small");
  CHECK(b.key->model.value == "wan-small");
}

TEST_CASE("an out-of-memory halves the next batch of that key") {
  world w{{.batch_max = 8}};
  w.worker("0", 40 * gb);
  for (std::uint64_t n = 0; n < 16; ++n) w.add(n, job_class::standard);
  auto b = w.plan().batches.at(0);
  REQUIRE(b.jobs.size() == 8);
  w.core.closed(b.id, {}, {}, w.now, {.out_of_memory = true});
  CHECK(w.plan().batches.at(0).jobs.size() == 4);
}

TEST_CASE("the core says why a job waits") {
  world w;
  auto why = [&w](std::uint64_t n) { return w.core.explain(sample::job(n), w.now, w.wall); };
  w.add(1, job_class::standard);
  CHECK(why(1).why == wait_reason::no_worker_serves);
  CHECK(why(7).why == wait_reason::not_here);
  w.worker("0");
  w.plan();
  CHECK(why(1).why == wait_reason::runs);
  w.add(2, job_class::standard);
  w.add(3, job_class::standard);
  w.add(4, job_class::vip);
  auto e = why(3);
  CHECK(e.why == wait_reason::turn);
  CHECK(e.position == 3);
  CHECK(e.higher_waiting == 1);
  CHECK(e.class_waiting == 2);
  CHECK(e.workers_fitting == 1);
  CHECK(to_string(e) ==
        "waits for its turn at place 3: 1 job in higher classes, 2 in its own, of which 2 of its tenant; "
        "1 worker can run it, all busy");
  w.core.pause({"acme"}, true);
  CHECK(why(3).why == wait_reason::tenant_paused);
  w.core.pause({"acme"}, false);
  w.core.pause_all(true);
  CHECK(why(3).why == wait_reason::queue_paused);
}

TEST_CASE("the core says that a job needs more memory than any worker has") {
  scheduler_options o{.batch_max = 1};
  o.memory_priors[model_id{"wan-small"}] = {volume_of(sample::key()), 0, {{{1, 50.0 * gb}}}};
  world w{o};
  w.worker("0", 40 * gb);
  w.add(1, job_class::standard);
  CHECK(w.plan().batches.empty());
  auto e = w.core.explain(sample::job(1), w.now, w.wall);
  CHECK(e.why == wait_reason::no_worker_fits);
  CHECK(e.largest_device_bytes == 40 * gb);
}

TEST_CASE("a paused queue plans nothing and goes on where it was") {
  world w;
  w.worker("0");
  w.add(1, job_class::standard);
  w.core.pause_all(true);
  CHECK(w.plan().batches.empty());
  w.core.pause_all(false);
  CHECK(w.plan().batches.size() == 1);
}

TEST_CASE("a batch whose node went, and came back without it, is not stopped") {
  world w;
  w.worker("0");
  w.add(1, job_class::free);
  auto lost = w.plan().batches.at(0);
  w.core.node_suspect({"workers-1"}, true, w.now);
  CHECK(w.core.node_down({"workers-1"}) == std::vector{lost.id});
  w.worker("0"); // its report comes before the word that it is there again, and before the batch's end is written
  w.core.progressed({lost.id, run_phase::denoising, 1, 10}, w.now);
  w.pass(10s);
  w.add(9, job_class::urgent);
  CHECK(w.plan().preempt.empty());
  w.core.node_suspect({"workers-1"}, false, w.now);
  REQUIRE(w.plan().batches.size() == 1);
}
