// The part of scheduler_core that answers questions and changes nothing.
#include <algorithm>
#include <cstdio>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

std::optional<job_live> scheduler_core::describe(const job_id& id, instant now) const {
  if (auto found = running_.find(id); found != running_.end()) return describe_running(batches_.at(found->second));
  if (!queue_.contains(id)) return {};
  job_live live;
  live.queue_position = queue_.position(id);
  live.steps_total = queue_.key_of(id)->steps;
  live.eta_ms = eta_ms(id, live.queue_position, now);
  return live;
}

job_live scheduler_core::describe_running(const running_batch& b) const {
  job_live live;
  live.phase = b.progress.phase;
  live.step = b.progress.step;
  live.steps_total = b.progress.steps_total;
  if (auto takes = planner_.cost().predict(*b.key, b.jobs.size()); takes && live.steps_total > 0)
    live.eta_ms = static_cast<std::uint64_t>(takes->count() / 1000 * (live.steps_total - live.step) / live.steps_total);
  return live;
}

/// Its own batch, after the jobs before it have been shared out to the workers that can run it, each as costly as this
/// one; and half a batch until the first of these workers is free.
std::uint64_t scheduler_core::eta_ms(const job_id& id, std::size_t position, instant now) const {
  auto key = queue_.key_of(id);
  std::size_t fitting = 0, idle = 0, size = 1;
  for (const auto& [wid, w] : workers_) {
    if (!usable(w) || !can_run(w.kind, *key, now)) continue;
    if (fitting++ == 0) size = planner_.best(question(*key, w.kind), now);
    if (w.batches.empty()) ++idle;
  }
  auto takes = planner_.cost().predict(*key, size);
  if (!takes || fitting == 0) return 0;
  auto own = static_cast<double>(takes->count()) / 1000;
  auto before = position > 0 ? static_cast<double>(position - 1) : 0;
  auto queued = own / static_cast<double>(size) * before / static_cast<double>(fitting);
  return static_cast<std::uint64_t>(own + queued + (idle == 0 ? own / 2 : 0));
}

void scheduler_core::count_workers(explanation& e, const batch_key& key, instant now) const {
  for (const auto& [id, w] : workers_) {
    if (!usable(w) || std::ranges::find(w.kind.models, key.model) == w.kind.models.end()) continue;
    ++e.workers_serving;
    e.largest_device_bytes = std::max(e.largest_device_bytes, w.kind.memory_bytes);
    if (!can_run(w.kind, key, now)) continue;
    if (e.workers_fitting++ == 0) e.batch_size = planner_.best(question(key, w.kind), now);
    if (w.batches.empty()) ++e.workers_idle;
  }
}

explanation scheduler_core::explain(const job_id& id, instant now, wall_time wall) const {
  explanation e;
  if (auto found = running_.find(id); found != running_.end()) {
    const auto& b = batches_.at(found->second);
    e.why = wait_reason::runs;
    e.cls = std::ranges::find(b.jobs, id, &queue_entry::id)->cls;
    e.batch_size = b.jobs.size();
    e.eta_ms = describe_running(b).eta_ms;
    return e;
  }
  auto entry = queue_.entry_of(id);
  if (!entry) return e;
  e.cls = entry->cls;
  e.position = queue_.position(id);
  e.eta_ms = eta_ms(id, e.position, now);
  e.tenant_waiting = queue_.waiting(entry->cls, entry->tenant);
  e.class_waiting = queue_.waiting(entry->cls);
  for (std::size_t c = 0; c < static_cast<std::size_t>(entry->cls); ++c)
    e.higher_waiting += queue_.waiting(static_cast<job_class>(c));
  e.weight = queue_.weight(entry->tenant);
  e.needs_bytes = planner_.memory().bound(*entry->key, 1).value_or(0);
  e.not_before = queue_.delayed_until(id);
  count_workers(e, *entry->key, now);
  if (e.not_before && *e.not_before > wall)
    e.why = wait_reason::retry_later;
  else if (paused_)
    e.why = wait_reason::queue_paused;
  else if (queue_.is_paused(entry->tenant))
    e.why = wait_reason::tenant_paused;
  else if (e.workers_serving == 0)
    e.why = wait_reason::no_worker_serves;
  else if (e.workers_fitting == 0)
    e.why = wait_reason::no_worker_fits;
  else
    e.why = e.workers_idle > 0 ? wait_reason::window : wait_reason::turn;
  return e;
}

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
  }
  return "?";
}

namespace {

std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", bytes / 1e9);
  return text;
}

std::string turn_of(const explanation& e) {
  return "place " + std::to_string(e.position) + ": " + std::to_string(e.higher_waiting) +
         " jobs wait in higher classes, " + std::to_string(e.class_waiting) + " in its own (" +
         std::to_string(e.tenant_waiting) + " of its tenant); all " + std::to_string(e.workers_fitting) +
         " workers that can run it are busy";
}

} // namespace

std::string to_string(const explanation& e) {
  switch (e.why) {
  case wait_reason::not_here: return "neither waiting nor running";
  case wait_reason::runs: return "runs in a batch of " + std::to_string(e.batch_size);
  case wait_reason::retry_later: return "failed before; waits for the time of its next attempt";
  case wait_reason::queue_paused: return "the queue is paused";
  case wait_reason::tenant_paused: return "its tenant is paused";
  case wait_reason::no_worker_serves: return "no usable worker has its model";
  case wait_reason::no_worker_fits:
    return "needs " + gigabytes(e.needs_bytes) + "; the largest of " + std::to_string(e.workers_serving) +
           " workers with its model has " + gigabytes(static_cast<double>(e.largest_device_bytes));
  case wait_reason::window:
    return "waits a moment for company; " + std::to_string(e.workers_idle) + " workers are free";
  case wait_reason::turn: return turn_of(e);
  }
  return "?";
}

// ---------------------------------------------------------------- the whole

std::vector<worker_status> scheduler_core::workers() const {
  std::vector<worker_status> all;
  for (const auto& [id, w] : workers_) all.push_back(w.status);
  return all;
}

queue_view scheduler_core::view() const {
  queue_view v;
  for (std::size_t c = 0; c < v.waiting.size(); ++c) v.waiting[c] = queue_.waiting(static_cast<job_class>(c));
  v.delayed = queue_.delayed();
  v.running = running_.size();
  v.batches = batches_.size();
  return v;
}

const std::vector<queue_entry>* scheduler_core::jobs_of(const batch_id& id) const {
  auto found = batches_.find(id);
  return found == batches_.end() ? nullptr : &found->second.jobs;
}

} // namespace reel
