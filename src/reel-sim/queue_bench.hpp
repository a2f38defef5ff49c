// queue_bench.hpp: What a deep queue costs the core in real time and memory: figures of this machine, not of virtual
// time.
#pragma once

#include <cstddef>

namespace reel::sim {

struct queue_cost {
  std::size_t waiting = 0;
  double plan_median_us = 0; ///< one free worker, one batch
  double plan_p99_us = 0;
  double overview_us = 0;   ///< the line at a glance, with 64 workers: median
  double bytes_per_job = 0; ///< of the heap, while they wait
};

/// Jobs of 200 tenants, four classes and six shapes; `plans` plans, each batch's place taken by new jobs.
queue_cost measure_queue(std::size_t jobs, std::size_t plans);

} // namespace reel::sim
