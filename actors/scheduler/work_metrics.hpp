// work_metrics.hpp: What the scheduler shows on /metrics about jobs' waits and runs, about predictions, and about what
// GPU time went into. Part of scheduler_metrics; updated from the scheduler's actor only.
//
// Labels are bounded: classes, error classes and codes by their enums, models by the configuration, shapes by
// `shapes_max` ("other" beyond it: clients choose them).
#pragma once

#include <map>
#include <memory>

#include "actors/scheduler/scheduler_core.hpp"
#include "actors/supervisor/batch_end.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

/// Of one execution's share of a batch's GPU time, the part that led to a result or was kept for the next one. 0 to 1.
double useful_part(const execution_end& e, std::int32_t steps_done);

class work_metrics {
public:
  static constexpr std::size_t shapes_max = 32;

  explicit work_metrics(const std::shared_ptr<prometheus::Registry>& registry);
  ~work_metrics();
  work_metrics(const work_metrics&) = delete;
  work_metrics& operator=(const work_metrics&) = delete;

  void granted(const std::vector<granted_job>& jobs, wall_time now);
  void closed(const std::vector<execution_end>& executions, const batch_figures& f);

private:
  struct families;
  struct shape_figures;
  shape_figures& of(job_class cls, std::int32_t width, std::int32_t height, std::int32_t frames);
  void count_end(const execution_end& e);
  void compare(const batch_figures& f);

  std::unique_ptr<families> families_;
  std::map<std::string, std::array<std::unique_ptr<shape_figures>, 4>> shapes_; ///< by class
};

} // namespace reel
