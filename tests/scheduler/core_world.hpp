// core_world.hpp: A scheduler core with a clock of its own; the window is over unless a test is about it.
#pragma once

#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

namespace reel {

struct core_world {
  explicit core_world(scheduler_options o = {.batch_max = 4}) : core{std::move(o)} {}

  plan_result plan() { return core.plan(now, wall, ids); }
  void pass(std::chrono::milliseconds d) {
    now += d;
    wall += d;
  }
  void queue(std::uint64_t first, std::uint64_t last, batch_key key = sample::key()) {
    for (auto n = first; n <= last; ++n) core.add(sample::waiting(n, job_class::standard, key), now);
  }
  void workers(int count, const std::string& device = "cpu") {
    std::vector<worker_status> all;
    for (int i = 0; i < count; ++i) {
      all.push_back(sample::ready_worker("workers-1/" + std::to_string(i), 1));
      all.back().device = device;
    }
    core.reported(sample::report(std::move(all)), now);
  }
  /// Each job asks for what its number says.
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
  /// All of its jobs come back so.
  void fail(const planned_batch& b, const recovery_mark& mark = {}, std::optional<wall_time> not_before = {},
            std::uint32_t attempts_used = 1, health_sign sign = health_sign::none) {
    std::vector<job_rerun> reruns;
    for (const auto& job : b.jobs) reruns.push_back({job.id, job.fence + 1, attempts_used, not_before, 0, false, mark});
    core.closed(b.id, reruns, {}, now, {.sign = sign});
  }
  void succeed(const planned_batch& b, std::chrono::milliseconds took = std::chrono::seconds{10}) {
    core.closed(b.id, {}, took, now, {.sign = health_sign::good});
  }

  scheduler_core core;
  instant now{std::chrono::seconds{1000}};
  wall_time wall = sample::wall0 + std::chrono::seconds{10};
  id_generator ids;
};

} // namespace reel
