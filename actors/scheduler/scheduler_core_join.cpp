// The part of scheduler_core that lets jobs join running batches.
#include <algorithm>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

/// Running batches of a key that are asked at one plan: more than that have no free worker's jobs to take.
constexpr std::size_t joins_looked_at = 16;

void scheduler_core::plan_joins(instant now, wall_time wall, id_generator& ids, plan_result& result) {
  if (queue_.size() == queue_.delayed()) return;
  for (auto at = open_.begin(); at != open_.end();) {
    const auto& [key, running] = *at++;
    if (queue_.count(key) == 0 || any_idle_for(key, now)) continue;
    auto most = std::min(running.size(), joins_looked_at);
    std::vector<batch_id> some{running.begin(), std::next(running.begin(), static_cast<std::ptrdiff_t>(most))};
    for (const auto& id : some)
      if (!join(id, now, wall, ids, result)) break;
  }
}

/// An idle worker that waits for company will take them.
bool scheduler_core::any_idle_for(const batch_key& key, instant now) const {
  return pool_.any_idle([&](const worker_kind& kind) { return may_run(kind, key, now); });
}

/// It denoises, nothing waits behind it, and its worker takes another batch.
bool scheduler_core::is_joinable(const running_batch& b, const worker_slot& w) const {
  return w.batches.size() == 1 && w.status.credits > 1 && b.granted && !b.stopping &&
         b.progress.phase == run_phase::denoising && b.progress.step + 1 < b.progress.steps_total && usable(w);
}

/// False when the key's next job is not the one that workers of this kind would take next.
bool scheduler_core::join(const batch_id& running, instant now, wall_time wall, id_generator& ids,
                          plan_result& result) {
  const auto& b = batches_.at(running);
  auto slot = workers_.find(b.worker);
  if (slot == workers_.end() || !is_joinable(b, slot->second)) return true;
  auto& w = slot->second;
  if (breakers_.is_careful(b.breaker, now)) return true;
  auto head = queue_.first([&](const batch_key& k) { return !k.canary && may_run(w.kind, k, now); }, now);
  if (!head || *head->key != *b.key || head->cls == job_class::urgent) return false;
  batch_planner::join_question q{*b.key, b.jobs.size(), queue_.count(*b.key), batch_max(*b.key), w.kind.memory_bytes,
                                 {}};
  q.device = w.kind.device;
  q.steps_left = b.progress.steps_total - b.progress.step;
  for (const auto& job : b.jobs)
    if (job.deadline)
      q.time_left = std::min(q.time_left.value_or(std::chrono::milliseconds::max()), *job.deadline - wall);
  auto size = planner_.join_size(q, now);
  if (size == 0) {
    // Neither more jobs nor fewer steps would change that: it need not be asked again.
    if (!q.time_left && q.running + q.waiting >= q.most && planner_.cost().predict(*b.key, 1)) no_more_joins(running);
    return true;
  }
  auto gpu_s = predicted_gpu_s(*b.key, size, w.kind);
  planned_batch more{ids.next<batch_id>(wall), b.worker, head->key, queue_.take(*head, size, now, gpu_s), true};
  start(more, w, gpu_s, now);
  result.batches.push_back(std::move(more));
  return true;
}

/// It is not to be joined any more.
void scheduler_core::no_more_joins(const batch_id& id) {
  auto open = open_.find(*batches_.at(id).key);
  if (open != open_.end() && open->second.erase(id) > 0 && open->second.empty()) open_.erase(open);
}

/// The batches that one forward pass of its worker computes, this one first. None when it is not what runs there: a
/// worker that was gone and came back has forgotten it.
std::vector<batch_id> scheduler_core::computed_with(const running_batch& b) const {
  std::vector<batch_id> all;
  auto w = workers_.find(b.worker);
  if (w == workers_.end() || w->second.batches.empty() || &batches_.at(w->second.batches.front()) != &b) return all;
  for (const auto& id : w->second.batches)
    if (all.empty() || batches_.at(id).joined) all.push_back(id);
  return all;
}

std::size_t scheduler_core::jobs_together(const worker_slot& w, const running_batch& b) const {
  std::size_t jobs = 0;
  bool is_in = false; // what is queued behind is computed on its own
  for (const auto& id : w.batches) {
    const auto& other = batches_.at(id);
    if (jobs > 0 && !other.joined) break;
    jobs += other.jobs.size();
    is_in = is_in || &other == &b;
  }
  return is_in ? jobs : b.jobs.size();
}

} // namespace reel
