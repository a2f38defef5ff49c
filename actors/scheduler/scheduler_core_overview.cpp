// The part of scheduler_core that shows the line at a glance. Nothing here looks at jobs that wait.
#include <algorithm>

#include "actors/scheduler/line_alarms.hpp"
#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

namespace {

std::uint64_t ms_of(auto d) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count(), 0));
}

} // namespace

/// What its first batch and those that have joined it are.
void scheduler_core::describe_batch(worker_overview& o, const worker_slot& w, instant now) const {
  std::size_t together = 0;
  for (const auto& id : w.batches) {
    const auto& b = batches_.at(id);
    if (together > 0 && !b.joined) break; // it waits for its turn
    ++together;
    o.jobs += static_cast<std::uint32_t>(b.jobs.size());
    for (const auto& job : b.jobs)
      if (o.members.size() < overview_limits::members) o.members.push_back(job.id);
  }
  if (together == 0) return;
  o.behind = static_cast<std::uint32_t>(w.batches.size() - together);
  o.batch = w.batches.front();
  const auto& first = batches_.at(o.batch);
  o.model = first.key->model;
  o.width = first.key->width;
  o.height = first.key->height;
  o.frames = first.key->frames;
  o.phase = first.progress.phase;
  o.step = std::max(first.progress.step, first.key->steps_done);
  o.steps_total = first.key->steps;
  o.since_ms = ms_of(now - first.started_at);
  if (auto end = ends_at(first, &w); end && *end > now) o.left_ms = ms_of(*end - now);
}

worker_overview scheduler_core::overview_of(const worker_slot& w, instant now) const {
  const auto& s = w.status;
  worker_overview o;
  o.id = s.id;
  o.state = w.ejected_until ? worker_state::ejected : s.state;
  o.silent = suspects_.contains(node_of(s.id));
  o.preemptible = s.preemptible;
  o.restarts = s.restarts;
  o.device = s.device;
  o.memory_bytes = s.memory_bytes;
  o.used_bytes = s.used_bytes;
  o.resident = w.warm;
  o.resident_expert = w.resident;
  o.message = message_of(w);
  describe_batch(o, w, now);
  return o;
}

/// In trouble, busy, idle: in this order.
int scheduler_core::interest(const worker_slot& w) const {
  if (!usable(w)) return 0;
  return w.batches.empty() ? 2 : 1;
}

line_overview scheduler_core::overview(instant now, wall_time wall) const {
  line_overview o;
  o.at = wall;
  for (std::size_t c = 0; c < o.classes.size(); ++c) {
    auto& mine = o.classes[c];
    mine.waiting = queue_.waiting(static_cast<job_class>(c));
    if (auto made = queue_.oldest_made(static_cast<job_class>(c))) mine.oldest_ms = ms_of(wall - *made);
  }
  for (const auto& [id, b] : batches_)
    for (const auto& job : b.jobs) ++o.classes[static_cast<std::size_t>(job.cls)].running;
  o.delayed = queue_.delayed();
  o.running = running_.size();
  o.batches = batches_.size();
  o.queued_most = options_.queued_jobs_max;

  describe_workers(o, now);
  o.breakers = breakers(now);
  o.pauses = pauses_.all;
  for (const auto& b : o.breakers) raise(o.alarms, b);
  for (const auto& p : o.pauses) raise(o.alarms, p);
  if (overload_.is_on()) raise(o.alarms, alarm_kind::overloaded);
  const auto queued = o.waiting() + o.delayed;
  if (queued * 10 >= o.queued_most * 9) raise(o.alarms, alarm_kind::queue_near_full, {}, queued);
  return o;
}

/// Of more than are shown, those left out are the ones that matter least.
void scheduler_core::describe_workers(line_overview& o, instant now) const {
  std::vector<const worker_slot*> all;
  bool any_wanted = workers_.empty();
  for (const auto& [id, w] : workers_) {
    all.push_back(&w);
    ++o.workers_total;
    if (usable(w)) ++o.workers_ready;
    if (!w.batches.empty()) ++o.workers_busy;
    const bool is_wanted = w.status.pid != 0 || w.status.message != worker_not_needed;
    any_wanted = any_wanted || is_wanted;
    if (!usable(w)) raise(o.alarms, overview_of(w, now), is_wanted && w.status.pid == 0);
  }
  if (o.workers_ready == 0 && (any_wanted || o.waiting() > 0)) raise(o.alarms, alarm_kind::no_workers);
  if (all.size() > overview_limits::workers)
    std::ranges::stable_sort(all, {}, [this](const worker_slot* w) { return interest(*w); });
  all.resize(std::min(all.size(), overview_limits::workers));
  for (const auto* w : all) o.workers.push_back(overview_of(*w, now));
  std::ranges::sort(o.workers, {}, &worker_overview::id);
}

} // namespace reel
