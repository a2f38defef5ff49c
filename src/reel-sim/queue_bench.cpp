#include "src/reel-sim/queue_bench.hpp"

#include <algorithm>
#include <malloc.h>
#include <random>

#include "src/reel-sim/policy.hpp"

namespace reel::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t tenants = 200, shapes = 6;

waiting_job job_of(job_index n, std::mt19937_64& random) {
  waiting_job j;
  j.id = id_of(n, n / 100);
  j.tenant.value = "tenant-" + std::to_string(random() % tenants);
  j.cls = static_cast<job_class>(random() % 4);
  j.key = {{"wan"}, 640 + 64 * static_cast<std::int32_t>(random() % shapes), 480, 81, 40, sampler_kind::unipc, 5.0f};
  j.theme = 1 + random() % 16 * 0x9E3779B97F4A7C15ull;
  return j;
}

std::size_t heap_bytes() {
  auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

constexpr std::size_t looks_at_line = 101;

} // namespace

queue_cost measure_queue(std::size_t jobs, std::size_t plans) {
  std::mt19937_64 random{7};
  auto before = heap_bytes();
  scheduler_core core{{.window = 0ms, .batch_max = 4}};
  id_generator ids{[&random](std::uint8_t* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(random());
  }};
  job_index next = 0;
  instant now{1000s};
  while (next < jobs) core.add(job_of(next++, random), now);
  queue_cost cost{jobs, 0, 0, 0, static_cast<double>(heap_bytes() - before) / static_cast<double>(jobs)};
  workers_report report;
  report.node.value = "node";
  worker_status worker;
  worker.id.value = "node/0";
  worker.state = worker_state::ready;
  worker.models = {{"wan"}};
  worker.memory_bytes = 80'000'000'000;
  report.workers = {worker};
  core.reported(report, now);
  std::vector<double> took;
  wall_time wall{std::chrono::hours{24 * 365 * 54}};
  for (std::size_t i = 0; i < plans; ++i) {
    auto begin = std::chrono::steady_clock::now();
    auto result = core.plan(now, wall, ids);
    took.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    auto& b = result.batches.at(0);
    core.granted(b.id, std::vector<granted_job>(b.jobs.size()));
    core.closed(b.id, {}, 100'000ms + ms{random() % 1000}, now += 100s);
    for (std::size_t k = 0; k < b.jobs.size(); ++k) core.add(job_of(next++, random), now);
  }
  report.workers.resize(64, worker);
  for (std::size_t i = 0; i < report.workers.size(); ++i) report.workers[i].id.value = "node/" + std::to_string(i);
  core.reported(report, now);
  std::vector<double> looks;
  for (std::size_t i = 0; i < looks_at_line; ++i) {
    auto begin = std::chrono::steady_clock::now();
    static_cast<void>(core.overview(now, wall));
    looks.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(looks);
  cost.overview_us = looks[looks.size() / 2];
  std::ranges::sort(took);
  cost.plan_median_us = took[took.size() / 2];
  cost.plan_p99_us = took[took.size() * 99 / 100];
  return cost;
}

} // namespace reel::sim
