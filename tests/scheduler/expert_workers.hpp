// expert_workers.hpp: Workers whose model's two experts take turns, played beside a scheduler core in virtual time:
// they run what it plans, one batch each, and measure what real ones would.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

namespace reel::testing {

struct expert_costs {
  std::int32_t high_steps = 6; ///< of the ten of sample::key()
  std::chrono::milliseconds step{10'000}, load{20'000};
  std::chrono::milliseconds give{1'000}, take{1'000}; ///< of a batch that is handed over
};

class expert_workers {
public:
  struct run {
    planned_batch batch;
    instant ends_at{};
    std::chrono::milliseconds took{0};
    expert_measures experts;
  };

  explicit expert_workers(std::size_t count, scheduler_options o = {.batch_max = 1}, expert_costs c = {})
      : core{std::move(o)}, costs{c}, resident_(count, expert::none) {
    report();
  }

  void report(std::int64_t pid = 1) {
    std::vector<worker_status> all;
    for (std::size_t i = 0; i < resident_.size(); ++i) {
      all.push_back(sample::ready_worker("workers-1/" + std::to_string(i), 1));
      all.back().pid = pid;
      for (const auto& r : running)
        if (r.batch.worker == all.back().id) all.back().batches.push_back(r.batch.id);
    }
    core.reported(sample::report(all), now);
  }

  void add(std::uint64_t n, job_class cls = job_class::standard, std::int32_t steps_done = 0) {
    auto job = sample::waiting(n, cls);
    job.saved_steps = steps_done;
    core.add(job, now);
  }

  /// Starts what is planned.
  std::vector<planned_batch> plan() {
    auto result = core.plan(now, wall, ids);
    for (const auto& b : result.batches) {
      core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
      running.push_back(begin(b));
    }
    return result.batches;
  }

  /// Ends the batch that ends next.
  planned_batch end_next() {
    auto next = std::ranges::min_element(running, {}, &run::ends_at);
    REQUIRE(next != running.end());
    auto r = *next;
    running.erase(next);
    if (r.ends_at > now) pass(std::chrono::duration_cast<std::chrono::milliseconds>(r.ends_at - now));
    end(r);
    return r.batch;
  }

  /// Runs what waits to its end, and what is planned meanwhile.
  void run_all() {
    for (plan(); !running.empty(); plan()) end_next();
  }

  /// One whole batch on every worker: what they cost is known then, and all hold the low-noise expert.
  void learn() {
    for (std::size_t i = 0; i < resident_.size(); ++i) add(900 + i);
    run_all();
    loads = 0;
  }

  void pass(std::chrono::milliseconds d) {
    now += d;
    wall += d;
  }
  static std::size_t index_of(const worker_id& w) { return std::stoul(w.value.substr(w.value.find('/') + 1)); }

  scheduler_core core;
  expert_costs costs;
  instant now{std::chrono::seconds{1000}};
  wall_time wall = sample::wall0 + std::chrono::seconds{10}; // nobody waits for company any more
  id_generator ids;
  std::vector<run> running;
  std::map<job_id, std::vector<std::int32_t>> steps; ///< of each job those that were done, in order
  std::map<job_id, std::size_t> ends;
  std::uint32_t loads = 0;
  std::size_t handed_over = 0;
  bool lose_runs = false; ///< what is handed over gets lost

private:
  run begin(const planned_batch& b) {
    auto until = b.until_step > 0 ? b.until_step : b.key->steps, done = b.key->steps_done;
    auto& there = resident_[index_of(b.worker)];
    auto first = done < costs.high_steps ? expert::high_noise : expert::low_noise;
    auto last = until <= costs.high_steps ? expert::high_noise : expert::low_noise;
    auto brought = (there != first ? 1u : 0u) + (first != last ? 1u : 0u);
    there = last;
    loads += brought;
    run r{b};
    auto time = costs.load * brought;
    r.experts.use = {last, costs.high_steps, brought, static_cast<std::uint64_t>(time.count())};
    r.experts.hand_over = (done > 0 ? costs.take : costs.take * 0) + (b.until_step > 0 ? costs.give : costs.give * 0);
    r.took = time + r.experts.hand_over + costs.step * (until - done);
    r.ends_at = now + r.took;
    for (const auto& job : b.jobs)
      for (auto s = done; s < until; ++s) steps[job.id].push_back(s);
    return r;
  }

  void end(const run& r) {
    std::vector<job_rerun> reruns;
    auto until = r.batch.until_step;
    for (const auto& job : r.batch.jobs) {
      if (until == 0)
        ++ends[job.id];
      else
        reruns.push_back({job.id, 1, job.attempts_used, {}, lose_runs ? 0 : until, lose_runs});
    }
    handed_over += reruns.size();
    std::optional<std::chrono::milliseconds> measured = r.took;
    if (until > 0 && lose_runs) measured.reset();
    core.closed(r.batch.id, reruns, measured, now, {.experts = r.experts, .runs_lost = until > 0 && lose_runs});
  }

  std::vector<expert> resident_; ///< by worker, when what it was given has ended
};

} // namespace reel::testing
