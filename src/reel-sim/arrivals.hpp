// arrivals.hpp: The jobs of a workload, one after the other in order of time: Poisson processes whose rate follows the
// day and bursts (by thinning). Seeded; the same seed gives the same jobs whatever the policy does with them.
#pragma once

#include <queue>
#include <random>

#include "src/reel-sim/workload.hpp"

namespace reel::sim {

/// A job as the simulation keeps it. Times are milliseconds of virtual time.
struct sim_job {
  std::int64_t arrived = 0;
  std::int64_t deadline = 0;  ///< 0: none
  std::int64_t cancel_at = 0; ///< 0: never
  std::int64_t started = -1;  ///< first time
  std::uint32_t tenant = 0;   ///< over all streams
  std::uint16_t shape = 0;
  std::uint16_t theme = 0; ///< of its stream; 0: none
  std::uint16_t steps_done = 0;
  std::uint16_t fence = 0;
  job_class cls = job_class::standard;
  enum : std::uint8_t { waiting, running, ended, cancelled } state = waiting;
};

class arrivals {
public:
  arrivals(const workload& w, std::uint64_t seed);
  std::optional<sim_job> next(); ///< nothing: no more

  struct tenant {
    tenant_id id;
    double weight = 1;
    job_class cls = job_class::standard;
  };
  const std::vector<tenant>& tenants() const { return tenants_; }

private:
  struct source {
    std::mt19937_64 random;
    std::discrete_distribution<std::uint32_t> tenant;
    std::discrete_distribution<std::size_t> shape;
    std::uint32_t first_tenant = 0;
    std::uint32_t at_start_left = 0;
    double now_ms = 0;
  };
  bool advance(std::size_t i);                      ///< false: nothing more
  double rate(const stream& s, double at_ms) const; ///< relative to the mean
  sim_job draw(std::size_t i);

  const workload& workload_;
  std::vector<source> sources_;
  std::vector<tenant> tenants_;
  using due = std::pair<double, std::size_t>;
  std::priority_queue<due, std::vector<due>, std::greater<>> next_;
};

} // namespace reel::sim
