#include "messages/scheduler.hpp"

#include <cstdio>

namespace reel {

std::string_view to_string(wait_reason r) {
  switch (r) {
  case wait_reason::not_here: return "not_here";
  case wait_reason::runs: return "runs";
  case wait_reason::retry_later: return "retry_later";
  case wait_reason::queue_paused: return "queue_paused";
  case wait_reason::tenant_paused: return "tenant_paused";
  case wait_reason::no_worker_serves: return "no_worker_serves";
  case wait_reason::no_worker_fits: return "no_worker_fits";
  case wait_reason::window: return "window";
  case wait_reason::turn: return "turn";
  case wait_reason::ended: return "ended";
  case wait_reason::quota: return "quota";
  case wait_reason::off_peak: return "off_peak";
  case wait_reason::breaker: return "breaker";
  case wait_reason::retry_budget: return "retry_budget";
  case wait_reason::canary: return "canary";
  case wait_reason::second_stage: return "second_stage";
  case wait_reason::store: return "store";
  }
  return "unknown";
}

namespace {

std::string with_unit(double value, const char* unit) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f %s", value, unit);
  return text;
}
std::string gigabytes(std::uint64_t bytes) { return with_unit(static_cast<double>(bytes) / 1e9, "GB"); }
std::string seconds(std::uint64_t ms) { return with_unit(static_cast<double>(ms) / 1e3, "s"); }

std::string counted(std::uint64_t n, const char* what) { return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s"); }

std::string turn_of(const explanation& e) {
  return "waits for its turn at place " + std::to_string(e.position) + ": " + counted(e.higher_waiting, "job") +
         " in higher classes, " + std::to_string(e.class_waiting) + " in its own, of which " +
         std::to_string(e.tenant_waiting) + " of its tenant; " + counted(e.workers_fitting, "worker") +
         " can run it, all busy";
}

std::string second_stage_of(const explanation& e) {
  return "was handed over with " + std::to_string(e.step) + " of " + std::to_string(e.steps_total) +
         " steps done and waits for its second stage at place " + std::to_string(e.position) + "; " +
         counted(e.workers_holding, "worker") + " of " + std::to_string(e.workers_fitting) +
         " that can run it hold the low-noise expert, " + std::to_string(e.workers_idle) + " idle";
}

std::string run_of(const explanation& e) {
  auto text = "runs on " + e.worker.value + " in a batch of " + std::to_string(e.batch_size) + ", step " +
              std::to_string(e.step) + " of " + std::to_string(e.steps_total);
  if (e.from_step > 0) text += ", went on from step " + std::to_string(e.from_step);
  if (e.until_step > 0) text += ", and is handed over after step " + std::to_string(e.until_step);
  return text;
}

std::string end_of(const explanation& e) {
  auto text = std::string{to_string(e.state)} + " after " + counted(e.attempts_used, "counted execution") + ", " +
              seconds(e.gpu_ms) + " of GPU time";
  if (e.cause != errc::ok) text += "; " + std::string{to_string(e.cause)} + ": " + e.message;
  return text;
}

/// In UTC: an operator's own zone is not known here.
std::string minute_of(wall_time t) {
  auto day = std::chrono::floor<std::chrono::days>(t);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::minutes>(t - day)};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()));
  return text;
}

std::string off_peak_of(const explanation& e) {
  auto next = e.not_before ? "which begin at " + minute_of(*e.not_before) : "which never come";
  return "waits for off-peak hours, " + next + ", or for more idle workers; " + std::to_string(e.workers_idle) +
         " of " + counted(e.workers_fitting, "worker") + " that can run it idle";
}

std::string breaker_of(const explanation& e) {
  auto text = "waits: the circuit breaker of its model is " + std::string{to_string(e.breaker)} + ", " +
              std::to_string(e.breaker_failures) + " of " + counted(e.breaker_attempts, "attempt") + " failed";
  return text + (e.not_before ? "; it is tried again at " + minute_of(*e.not_before) : "");
}

std::string reason_of(const explanation& e) {
  switch (e.why) {
  case wait_reason::not_here: return "neither waiting nor running";
  case wait_reason::runs: return run_of(e);
  case wait_reason::retry_later: return "was executed " + counted(e.attempts_used, "time") + " and waits for its next";
  case wait_reason::queue_paused: return "waits: the queue is paused";
  case wait_reason::tenant_paused: return "waits: its tenant is paused";
  case wait_reason::no_worker_serves: return "waits: no usable worker has its model";
  case wait_reason::no_worker_fits:
    return "waits: it needs " + gigabytes(e.needs_bytes) + ", and the largest of " +
           counted(e.workers_serving, "worker") + " with its model has " + gigabytes(e.largest_device_bytes);
  case wait_reason::window: return "waits a moment for company; " + counted(e.workers_idle, "worker") + " free";
  case wait_reason::turn: return turn_of(e);
  case wait_reason::ended: return end_of(e);
  case wait_reason::quota:
    return "waits: " + std::to_string(e.tenant_running) + " of " + counted(e.running_max, "job") +
           " that its tenant may run at once are running";
  case wait_reason::off_peak: return off_peak_of(e);
  case wait_reason::breaker: return breaker_of(e);
  case wait_reason::retry_budget:
    return "failed " + counted(e.attempts_used, "time") + " and waits: " + std::to_string(e.retries_running) + " of " +
           std::to_string(e.retries_max) + " retries that its model may run at once are running";
  case wait_reason::canary:
    return "waits until nothing else does: a job with its content took down two workers; one like it runs at a time";
  case wait_reason::second_stage: return second_stage_of(e);
  case wait_reason::store: return "waits: the object store takes no files, and has not for long";
  }
  return "unknown";
}

} // namespace

std::string to_string(const explanation& e) {
  auto text = reason_of(e);
  bool waits = e.why != wait_reason::runs && e.why != wait_reason::ended && e.why != wait_reason::second_stage;
  if (waits && e.step > 0)
    text += "; goes on from step " + std::to_string(e.step) + " of " + std::to_string(e.steps_total);
  return text + (e.eta_ms > 0 ? "; done in about " + seconds(e.eta_ms) : "");
}

} // namespace reel
