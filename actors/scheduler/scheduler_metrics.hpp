// scheduler_metrics.hpp: What the scheduler shows on /metrics. Shared by the scheduler and its successor
// after a restart; updated from the scheduler's actor only.
#pragma once

#include <memory>

#include "actors/scheduler/fleet_scaler.hpp"
#include "actors/scheduler/work_metrics.hpp"
#include "messages/scheduler.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

class scheduler_metrics {
public:
  explicit scheduler_metrics(const std::shared_ptr<prometheus::Registry>& registry);
  ~scheduler_metrics();
  scheduler_metrics(const scheduler_metrics&) = delete;
  scheduler_metrics& operator=(const scheduler_metrics&) = delete;

  void batch_started(std::size_t jobs, degrade_reason why);
  void batch_ended(const std::vector<std::pair<job_id, job_state>>& ended, std::size_t retries,
                   std::optional<std::chrono::milliseconds> measured);
  void checkpoint(std::chrono::microseconds cost); ///< for which computing stood still
  void steps_lost(std::int64_t steps);
  void experts(std::uint32_t loads, std::size_t jobs_handed_over);
  void eta_error(double ratio); ///< of |foretold - actual| to the time from acceptance to the end
  void cancelled();             ///< a job that waited
  void queue(const queue_view& view, std::size_t mailbox_messages);
  void breakers(const std::vector<breaker_status>& all);
  void workers(const std::vector<worker_status>& all);
  void wanted(const fleet_scaler::decision& d);
  work_metrics& work() { return work_; }

private:
  struct families;
  std::unique_ptr<families> families_;
  work_metrics work_;
};

} // namespace reel
