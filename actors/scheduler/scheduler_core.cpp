#include "actors/scheduler/scheduler_core.hpp"

#include <algorithm>

namespace reel {

using namespace std::chrono_literals;

namespace {

std::string node_of(const worker_id& w) { return w.value.substr(0, w.value.find('/')); }

} // namespace

void scheduler_core::add(const waiting_job& job, instant now) {
  if (running_.contains(job.id)) return;
  if (job.state != job_state::leased) {
    if (queue_.add(job)) arrivals_.arrived(now);
    return;
  }
  // A page read before the batch closed may still show its lease.
  if (queue_.contains(job.id) || batches_.contains(job.batch)) return;
  auto [at, inserted] =
      orphans_.try_emplace(job.batch, orphan{{job.batch, job.worker, {}, {}}, now + options_.lease_ttl, {}});
  auto& lease = at->second.lease;
  if (std::ranges::find(lease.jobs, job.id, &queue_entry::id) != lease.jobs.end()) return;
  if (job.cancel_requested) lease.cancelled.push_back(job.id);
  lease.jobs.push_back(
      {job.id, job.cls, std::make_shared<const batch_key>(job.key), job.generation, job.fence, job.attempts_used});
}

std::optional<batch_id> scheduler_core::cancel(const job_id& id) {
  if (auto found = running_.find(id); found != running_.end()) return found->second;
  if (queue_.remove(id)) return {};
  for (auto& [batch, o] : orphans_)
    if (std::ranges::find(o.lease.jobs, id, &queue_entry::id) != o.lease.jobs.end()) o.lease.cancelled.push_back(id);
  return {};
}

// ---------------------------------------------------------------- plan

namespace {

void wake(plan_result& result, instant at) {
  if (!result.wake_at || at < *result.wake_at) result.wake_at = at;
}

} // namespace

plan_result scheduler_core::plan(instant now, wall_time wall, id_generator& ids) {
  plan_result result;
  if (auto due = queue_.release(wall)) wake(result, now + std::max(*due - wall, 1ms));
  for (auto* w : in_order_of_preference(now)) fill(*w, now, wall, ids, result);
  return result;
}

std::vector<scheduler_core::worker*> scheduler_core::in_order_of_preference(instant now) {
  std::vector<worker*> order;
  for (auto& [id, w] : workers_) order.push_back(&w);
  std::ranges::sort(order, {}, [now](const worker* w) { return std::pair{w->avoid_until > now, w->last_grant}; });
  return order;
}

void scheduler_core::fill(worker& w, instant now, wall_time wall, id_generator& ids, plan_result& result) {
  std::set<batch_key> held; // keys that wait for company
  while (has_place(w, now)) {
    auto key = queue_.front([&](const batch_key& k) { return serves(w, k) && !held.contains(k); });
    if (!key) return;
    if (auto until = worth_waiting(*key, now, wall)) {
      wake(result, *until);
      held.insert(*key);
      continue;
    }
    planned_batch b{ids.next<batch_id>(wall), w.status.id, key, queue_.take(*key, batch_max(*key))};
    if (b.jobs.size() < batch_max(*key)) last_small_batch_ = now;
    start(b, w, now);
    result.batches.push_back(std::move(b));
  }
  // A busy worker gets its next batch shortly before the present one ends.
  if (queue_.size() == queue_.delayed() || w.batches.size() != 1 || w.status.credits < 2) return;
  auto end = ends_at(w.batches.front());
  if (end && *end - options_.prefetch_horizon > now) wake(result, *end - options_.prefetch_horizon);
}

bool scheduler_core::has_place(const worker& w, instant now) const {
  if (w.status.state != worker_state::ready || suspects_.contains(node_of(w.status.id))) return false;
  if (w.batches.empty()) return true;
  if (w.batches.size() >= w.status.credits) return false;
  auto end = ends_at(w.batches.back());
  return end && *end - now <= options_.prefetch_horizon;
}

std::optional<instant> scheduler_core::ends_at(const batch_id& id) const {
  const auto& b = batches_.at(id);
  auto takes = run_time_.predict(*b.key, b.jobs.size());
  if (!takes) return {};
  return b.started_at + *takes;
}

bool scheduler_core::serves(const worker& w, const batch_key& key) const {
  return std::ranges::find(w.status.models, key.model) != w.status.models.end();
}

std::size_t scheduler_core::batch_max(const batch_key& key) const {
  auto found = options_.model_batch_max.find(key.model);
  return found == options_.model_batch_max.end() ? options_.batch_max : found->second;
}

/// Until when to hold a batch back for company: it is not full, and the wait is small beside what it would take, or
/// jobs pour in and the last small batch has only just left: every batch costs two transactions and a dozen messages.
std::optional<instant> scheduler_core::worth_waiting(const batch_key& key, instant now, wall_time wall) const {
  constexpr double worthwhile = 4; // jobs that join
  auto jobs = queue_.count(key);
  if (jobs >= batch_max(key)) return {};
  bool rush = arrivals_.expected(now, options_.rush_window) >= worthwhile;
  if (auto next = last_small_batch_ + options_.rush_window; rush && now < next) return next;
  auto takes = run_time_.predict(key, jobs);
  auto window = takes ? std::min<std::chrono::nanoseconds>(options_.window, *takes / 10) : options_.window / 4;
  auto age = wall - queue_.oldest(key)->created_at();
  auto rest = std::chrono::floor<std::chrono::milliseconds>(window - age); // what timers can measure
  if (age < 0ms || rest < 1ms) return {};
  return now + rest;
}

void scheduler_core::start(planned_batch& b, worker& w, instant now) {
  running_batch r{w.status.id, b.key, b.jobs, false, {}, now, {}};
  r.progress.steps_total = b.key->steps;
  // What is queued behind a running batch starts when that one ends.
  if (!w.batches.empty())
    if (auto end = ends_at(w.batches.back()); end && *end > now) r.started_at = *end;
  for (const auto& job : b.jobs) running_[job.id] = b.id;
  batches_.emplace(b.id, std::move(r));
  w.batches.push_back(b.id);
  w.last_grant = ++grants_;
}

void scheduler_core::granted(const batch_id& id, const std::vector<granted_job>& jobs) {
  auto found = batches_.find(id);
  if (found == batches_.end()) return;
  auto& b = found->second;
  b.granted = true;
  std::vector<queue_entry> kept;
  for (std::size_t i = 0; i < b.jobs.size() && i < jobs.size(); ++i) {
    if (jobs[i].code != errc::ok) {
      running_.erase(b.jobs[i].id);
      continue;
    }
    b.jobs[i].fence = jobs[i].fence;
    b.jobs[i].attempts_used = jobs[i].attempts_used;
    b.jobs[i].generation = jobs[i].generation;
    kept.push_back(b.jobs[i]);
  }
  b.jobs = std::move(kept);
  if (b.jobs.empty()) take_out(id);
}

void scheduler_core::grant_failed(const batch_id& id) {
  auto b = take_out(id);
  if (!b) return;
  for (const auto& job : b->jobs) queue_.add(job);
}

void scheduler_core::progressed(const batch_progress& p) {
  auto found = batches_.find(p.batch);
  if (found == batches_.end()) return;
  found->second.progress = p;
}

void scheduler_core::closed(const batch_id& id, const std::vector<job_rerun>& reruns,
                            std::optional<std::chrono::milliseconds> measured, instant now) {
  auto b = take_out(id);
  if (!b) return;
  if (measured)
    run_time_.learn(*b->key, b->jobs.size(), *measured);
  else if (auto w = workers_.find(b->worker); w != workers_.end())
    w->second.avoid_until = now + options_.avoid_for;
  for (auto& job : b->jobs) {
    auto rerun = std::ranges::find(reruns, job.id, &job_rerun::id);
    if (rerun == reruns.end()) continue;
    job.fence = rerun->fence;
    job.attempts_used = rerun->attempts_used;
    queue_.add(job, rerun->not_before);
  }
}

std::optional<scheduler_core::running_batch> scheduler_core::take_out(const batch_id& id) {
  auto node = batches_.extract(id);
  if (node.empty()) return {};
  auto& b = node.mapped();
  if (auto w = workers_.find(b.worker); w != workers_.end()) std::erase(w->second.batches, id);
  for (const auto& job : b.jobs)
    if (auto at = running_.find(job.id); at != running_.end() && at->second == id) running_.erase(at);
  return std::move(b);
}

// ---------------------------------------------------------------- workers

scheduler_core::report_result scheduler_core::reported(const workers_report& r, instant now) {
  report_result result;
  for (const auto& status : r.workers) {
    if (node_of(status.id) != r.node.value) continue; // nobody speaks for another node's workers
    auto& w = workers_[status.id];
    w.status = status;
    if (r.draining) w.status.state = worker_state::down;
    for (const auto& id : status.batches) {
      if (batches_.contains(id)) continue;
      if (auto found = adopt(id, status.id, now))
        result.adopted.push_back(std::move(*found));
      else
        result.unknown.emplace_back(id, status.id);
    }
    check_batches(w, now, result.lost);
  }
  check_orphans(r, now);
  return result;
}

/// A report may have crossed a grant on its way, and several may come at once: only time tells.
bool scheduler_core::is_missing(std::optional<instant>& since, bool there, instant now) const {
  if (there)
    since.reset();
  else if (!since)
    since = now;
  return since && now - *since >= options_.missing_for;
}

void scheduler_core::check_batches(const worker& w, instant now, std::vector<batch_id>& lost) {
  for (const auto& id : w.batches) {
    auto& b = batches_.at(id);
    bool there = std::ranges::find(w.status.batches, id) != w.status.batches.end();
    if (is_missing(b.missing_since, there || !b.granted, now)) lost.push_back(id);
  }
}

std::optional<adoption> scheduler_core::adopt(const batch_id& id, const worker_id& on, instant now) {
  auto found = orphans_.find(id);
  if (found == orphans_.end() || found->second.lease.worker != on) return {};
  auto lease = std::move(found->second.lease);
  orphans_.erase(found);
  for (const auto& job : lease.jobs) running_[job.id] = id;
  batches_.emplace(id, running_batch{on, lease.jobs.front().key, lease.jobs, true, {}, now, {}});
  workers_[on].batches.push_back(id);
  return lease;
}

/// A node that goes on reporting without an orphaned batch will not claim it any more.
void scheduler_core::check_orphans(const workers_report& r, instant now) {
  for (auto& [id, o] : orphans_)
    if (node_of(o.lease.worker) == r.node.value && is_missing(o.missing_since, false, now)) o.expires_at = now;
}

void scheduler_core::node_suspect(const node_id& node, bool suspect) {
  if (suspect)
    suspects_.insert(node.value);
  else
    suspects_.erase(node.value);
}

std::vector<batch_id> scheduler_core::node_down(const node_id& node) {
  std::vector<batch_id> lost;
  std::erase_if(workers_, [&](const auto& entry) {
    if (node_of(entry.first) != node.value) return false;
    lost.insert(lost.end(), entry.second.batches.begin(), entry.second.batches.end());
    return true;
  });
  return lost;
}

std::vector<adoption> scheduler_core::expired_orphans(instant now) {
  std::vector<adoption> expired;
  std::erase_if(orphans_, [&](auto& entry) {
    if (entry.second.expires_at > now) return false;
    expired.push_back(std::move(entry.second.lease));
    return true;
  });
  return expired;
}

// ---------------------------------------------------------------- views

std::optional<job_live> scheduler_core::describe(const job_id& id) const {
  job_live live;
  if (auto found = running_.find(id); found != running_.end()) {
    const auto& b = batches_.at(found->second);
    live.phase = b.progress.phase;
    live.step = b.progress.step;
    live.steps_total = b.progress.steps_total;
    if (auto takes = run_time_.predict(*b.key, b.jobs.size()); takes && live.steps_total > 0)
      live.eta_ms =
          static_cast<std::uint64_t>(takes->count() / 1000 * (live.steps_total - live.step) / live.steps_total);
    return live;
  }
  if (!queue_.contains(id)) return {};
  live.queue_position = queue_.position(id);
  if (auto key = queue_.key_of(id)) {
    live.steps_total = key->steps;
    auto most = batch_max(*key);
    auto takes = run_time_.predict(*key, most);
    auto rounds = live.queue_position / (most * std::max<std::size_t>(workers_.size(), 1)) + 1;
    if (takes) live.eta_ms = static_cast<std::uint64_t>(takes->count()) / 1000 * rounds;
  }
  return live;
}

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
