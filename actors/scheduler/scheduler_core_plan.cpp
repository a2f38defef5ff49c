// The part of scheduler_core that decides what runs next.
#include <algorithm>
#include <cmath>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

void wake(plan_result& result, instant at) {
  if (!result.wake_at || at < *result.wake_at) result.wake_at = at;
}

} // namespace

plan_result scheduler_core::plan(instant now, wall_time wall, id_generator& ids) {
  plan_result result;
  if (auto due = queue_.release(wall, now)) wake(result, now + std::max(*due - wall, 1ms));
  if (queue_.parked() > 0) wake(result, now + 1s);
  breakers_.check(now);
  readmit(now); // also while nothing waits: who asks is to be told the truth
  if (paused_ || store_held_ || queue_.size() == queue_.delayed()) return result;
  if (!ejected_.empty()) wake(result, ejected_.begin()->first);
  pool_.refresh(now);
  backlogs_.clear();
  if (auto next = breakers_.next_check()) wake(result, std::max(*next, now + 1ms));
  refresh_degrading(now);
  hold_free(now, wall);
  held_keys held;
  if (pool_.any_idle())
    for (const auto& kind : pool_.idle_kinds()) fill_idle(kind, now, wall, ids, held, result);
  for (auto* w : pool_.due(now)) fill(*w, now, wall, ids, held, result);
  // A busy worker gets its next batch shortly before the present one ends.
  if (queue_.size() != queue_.delayed())
    if (auto next = pool_.next_due(now)) wake(result, *next);
  wake_for_free(now, wall, result);
  if (options_.join) plan_joins(now, wall, ids, result);
  if (options_.preempt) plan_preemptions(now, result);
  return result;
}

void scheduler_core::fill_idle(const worker_kind& kind, instant now, wall_time wall, id_generator& ids, held_keys& held,
                               plan_result& result) {
  job_queue::key_filter allowed = [&](const batch_key& k) { return may_take(kind, k, now) && !held.contains(k); };
  while (auto head = next_job(kind, allowed, now, wall, held, result)) {
    auto* w = pool_.next(kind, head->key->model, experts_.needed(*head->key), options_.cold_start > 0ms);
    if (!w) return;
    plan_batch(better_suited(*head, *w, now, wall, allowed), *w, now, wall, ids, result);
  }
  if (auto head = last_resort(kind, now))
    if (auto* w = pool_.next(kind, head->key->model, experts_.needed(*head->key), options_.cold_start > 0ms))
      plan_batch(*head, *w, now, wall, ids, result);
}

/// A second batch behind the one that is about to end. An urgent job is not bound to a worker that is still busy: it
/// takes the first that is free, and lets nothing else go before it here.
void scheduler_core::fill(worker_slot& w, instant now, wall_time wall, id_generator& ids, held_keys& held,
                          plan_result& result) {
  job_queue::key_filter allowed = [&](const batch_key& k) { return may_take(w.kind, k, now) && !held.contains(k); };
  if (auto head = next_job(w.kind, allowed, now, wall, held, result); head && head->cls != job_class::urgent)
    plan_batch(better_suited(*head, w, now, wall, allowed), w, now, wall, ids, result);
}

/// The first job that workers of this kind can run and that does not wait for company.
std::optional<job_queue::first_job> scheduler_core::next_job(const worker_kind& kind,
                                                             const job_queue::key_filter& allowed, instant now,
                                                             wall_time wall, held_keys& held, plan_result& result) {
  while (auto head = queue_.first(allowed, now)) {
    auto until = worth_waiting(*head->key, kind, now, wall);
    if (!until) return head;
    wake(result, *until);
    held.insert(head->key);
  }
  return {};
}

/// What the usable workers that can run the key bring on average, with full batches and the model loaded, jobs per
/// second of one worker. It changes as slowly as costs and workers do.
double scheduler_core::usual_rate(const batch_key& key, instant now) {
  constexpr auto kept = 10s;
  auto& u = usual_rates_.touch(key);
  if (u.at && now - *u.at < kept) return u.rate;
  double sum = 0;
  std::size_t workers = 0;
  for (const auto& [kind, tally] : tallies_) {
    if (!can_run(kind, key, now)) continue;
    batch_planner::question q{key, batch_max(key), batch_max(key), kind.memory_bytes, {}, {}, kind.device};
    sum += static_cast<double>(tally.usable) * planner_.rate(q, now);
    workers += tally.usable;
  }
  u = {workers > 0 ? sum / static_cast<double>(workers) : 0, now};
  return u.rate;
}

/// What a batch of the key would bring on this worker now, beside what its jobs bring elsewhere: 1 where all workers
/// are alike, the batch is full and the model loaded; more where this worker is better at it than others.
double scheduler_core::worth(const batch_key& key, const worker_slot& w, instant now) {
  auto q = question(key, w.kind);
  bool full = q.waiting >= q.most, cold = options_.cold_start > 0ms && w.warm != key.model;
  if (full && !cold && tallies_.size() == 1) return 1;
  if (cold) q.cold_start = options_.cold_start;
  auto usual = usual_rate(key, now);
  return usual > 0 ? planner_.rate(q, now) / usual : 1;
}

/// A job that this worker would run badly (few of its kind wait, another model is loaded, other workers are better at
/// it) lets one of its class pass that it runs better: nobody is idle, no class passes another, in virtual time no
/// tenant gets further ahead than two batches of the head, and no deadline comes near.
job_queue::first_job scheduler_core::better_suited(job_queue::first_job head, const worker_slot& w, instant now,
                                                   wall_time wall, const job_queue::key_filter& allowed) {
  constexpr double much = 1.15;
  constexpr int deadline_batches = 4;
  constexpr std::size_t keys_most = 32; // that are looked at: shapes are few, but clients choose them
  if (head.aged || head.cls == job_class::urgent || queue_.keys(head.cls) < 2) return head;
  if (degrades_on(w.kind, *head.key, now) != degrade_reason::none) return head;
  if (auto other = for_resident(head, w, now, allowed)) return *other;
  auto own = worth(*head.key, w, now);
  if (own == 1 && tallies_.size() == 1) return head; // nothing is better
  auto takes = planner_.cost().predict(*head.key, planner_.best(question(*head.key, w.kind), now), w.kind.device);
  if (!takes || (head.deadline && *head.deadline - wall < deadline_batches * *takes)) return head;
  std::size_t seen = 0;
  auto better_here = [&](const batch_key& k) {
    return seen < keys_most && allowed(k) && ++seen && worth(k, w, now) > much * own && !is_for_others(k, w);
  };
  auto other = instead_of(head, w, now, better_here);
  // A job that was paused runs badly wherever it goes, and inside a tenant no virtual time holds others back: one of
  // class free would wait for hours.
  const bool was_paused = head.cls == job_class::free && head.key->steps_done > 0;
  if (other && was_paused && other->tenant == head.tenant &&
      other->id.created_at() > head.id.created_at() + job_queue::overtake_within)
    return head;
  return other.value_or(head);
}

/// The first job of a key that is good; nothing when it may not pass the head.
std::optional<job_queue::first_job> scheduler_core::instead_of(const job_queue::first_job& head, const worker_slot& w,
                                                               instant now, const job_queue::key_filter& good) {
  constexpr double lead_batches = 2;
  auto other = queue_.first(good, now);
  if (!other || other->cls != head.cls || other->aged) return {};
  auto batch = planner_.cost().predict(*head.key, planner_.best(question(*head.key, w.kind), now), w.kind.device);
  auto lead = batch ? lead_batches * std::chrono::duration<double>(*batch).count() : 0;
  return other->start - head.start <= lead ? other : std::nullopt;
}

void scheduler_core::plan_batch(const job_queue::first_job& head, worker_slot& w, instant now, wall_time wall,
                                id_generator& ids, plan_result& result) {
  const auto why = degrades_on(w.kind, *head.key, now);
  const auto key = why == degrade_reason::none ? head.key : queue_.share(*light_of(*head.key));
  auto q = question(*key, w.kind);
  q.waiting = std::max<std::size_t>(queue_.count(*head.key, head.cls == job_class::free), 1);
  if (head.deadline) q.time_left = *head.deadline - wall;
  if (options_.cold_start > 0ms && w.warm != key->model) q.cold_start = options_.cold_start;
  q.cold_start += std::chrono::ceil<std::chrono::milliseconds>(loading(*key, w));
  const bool probe = breakers_.is_probing({key->model, w.kind.device});
  auto size = probe ? 1 : planner_.choose(q, now);
  const bool whole = probe || why != degrade_reason::none;
  auto until = whole ? 0 : until_step(head, w, size, now);
  auto gpu_s = predicted_gpu_s(part_of(*key, until), size, w.kind);
  planned_batch b{ids.next<batch_id>(wall), w.status.id, key, queue_.take(head, size, now, gpu_s)};
  if (why != degrade_reason::none) degrade(b, key, why);
  b.larger_device = has_larger(*b.key, w.kind);
  b.probe = probe;
  b.others_do_well = b.jobs.size() == 1 && others_did_well_since_it_failed(b.jobs[0], {key->model, w.kind.device});
  b.until_step = until;
  if (auto takes = planner_.cost().predict(*b.key, b.jobs.size()))
    b.expected = std::chrono::ceil<std::chrono::milliseconds>(*takes) + q.cold_start;
  if (b.jobs.size() < batch_max(*b.key)) last_small_batch_ = now;
  start(b, w, gpu_s, now);
  result.batches.push_back(std::move(b));
}

double scheduler_core::predicted_gpu_s(const batch_key& key, std::size_t jobs, const worker_kind& kind) const {
  auto takes = planner_.cost().predict(key, jobs, kind.device);
  return takes ? std::chrono::duration<double>(*takes).count() / static_cast<double>(jobs) : 1.0;
}

void scheduler_core::start(planned_batch& b, worker_slot& w, double gpu_s, instant now) {
  running_batch r{w.status.id, b.key, b.jobs, false, {}, now, {}};
  r.progress.step = b.key->steps_done;
  r.progress.steps_total = b.key->steps;
  r.charged_gpu_s = gpu_s;
  r.joined = b.join;
  r.degrade = b.degrade;
  r.until_step = b.until_step;
  if (!b.join) r.loads = loading(*b.key, w, b.until_step);
  const auto part = r.part();
  if (planner_.cost().count(part, b.jobs.size()) > 0) r.foretold = planner_.cost().predict(part, b.jobs.size());
  pass_breaker(r, w.kind.device, now);
  if (!b.join && b.until_step == 0 && b.jobs.size() < batch_max(*b.key)) open_[*b.key].insert(b.id);
  // What is queued behind a running batch starts when that one ends.
  if (!w.batches.empty() && !b.join)
    if (auto end = ends_at(batches_.at(w.batches.back())); end && *end > now) r.started_at = *end;
  for (const auto& job : b.jobs) running_[job.id] = b.id;
  batches_.emplace(b.id, std::move(r));
  pool_.remove(w);
  w.batches.push_back(b.id);
  w.last_grant = ++grants_;
  if (w.warm != b.key->model) w.resident = expert::none;
  w.warm = b.key->model;
  if (w.resident != expert::none) w.resident = b.until_step > 0 ? expert::high_noise : expert::low_noise;
  index(w, now);
  if (b.key->canary) ++canaries_running_;
  note_for_pace(b);
}

batch_planner::question scheduler_core::question(const batch_key& key, const worker_kind& kind, bool free_too) const {
  return {key,        std::max<std::size_t>(queue_.count(key, free_too), 1), batch_max(key), kind.memory_bytes, {}, {},
          kind.device};
}

std::size_t scheduler_core::batch_max(const batch_key& key) const {
  auto found = options_.model_batch_max.find(key.model);
  auto most = found == options_.model_batch_max.end() ? options_.batch_max : found->second;
  return key.batch_cap == 0 ? most : std::min<std::size_t>(most, key.batch_cap);
}

bool scheduler_core::has_larger(const batch_key& key, const worker_kind& than) const {
  return std::ranges::any_of(tallies_, [&](const auto& t) {
    return t.first.memory_bytes > than.memory_bytes &&
           std::ranges::find(t.first.models, key.model) != t.first.models.end();
  });
}

/// As what was asked for, or by the fallback.
bool scheduler_core::may_take(const worker_kind& kind, const batch_key& key, instant now) const {
  return (may_run(kind, key, now) && is_clean(kind, key)) || degrades_on(kind, key, now) != degrade_reason::none;
}

bool scheduler_core::can_run(const worker_kind& kind, const batch_key& key, instant now) const {
  return std::ranges::find(kind.models, key.model) != kind.models.end() &&
         planner_.fits_one(key, kind.memory_bytes, now);
}

/// Until when to hold a batch back for company: it is not full, and the wait is small beside what it would take, or
/// jobs pour in and the last small batch has only just left: every batch costs two transactions and a dozen messages.
std::optional<instant> scheduler_core::worth_waiting(const batch_key& key, const worker_kind& kind, instant now,
                                                     wall_time wall) const {
  constexpr double worthwhile = 4; // jobs that join
  auto jobs = std::max<std::size_t>(queue_.count(key), 1);
  if (jobs >= batch_max(key)) return {};
  bool rush = arrivals_.expected(now, options_.rush_window) >= worthwhile;
  if (auto next = last_small_batch_ + options_.rush_window; rush && now < next) return next;
  if (auto age = wall - queue_.oldest(key)->created_at(); age < 0ms || age >= options_.window) return {};
  if (jobs >= planner_.best(question(key, kind), now)) return {}; // company would not help
  auto takes = planner_.cost().predict(key, jobs);
  auto window = takes ? std::min<std::chrono::nanoseconds>(options_.window, *takes / 10) : options_.window / 4;
  auto age = wall - queue_.oldest(key)->created_at();
  auto rest = std::chrono::floor<std::chrono::milliseconds>(window - age); // what timers can measure
  if (rest < 1ms) return {};
  return now + rest;
}

// ---------------------------------------------------------------- urgent jobs

/// As many batches are stopped as the urgent jobs still waiting need workers.
void scheduler_core::plan_preemptions(instant now, plan_result& result) {
  if (queue_.waiting(job_class::urgent) == 0) return;
  auto may_stop = [&](const auto& entry) { return stoppable(entry.first, entry.second, now).has_value(); };
  if (std::ranges::none_of(batches_, may_stop)) return; // before the models are asked about every key
  std::size_t needed = 0;
  for (const auto& [key, jobs] : queue_.waiting_by_key(job_class::urgent)) {
    auto takes = [&, k = key](const auto& t) { return is_clean(t.first, *k) && may_run(t.first, *k, now); };
    if (key->canary || (!breakers_.is_calm() && std::ranges::none_of(tallies_, takes))) continue;
    auto each = planner_.best({*key, jobs, batch_max(*key), 0, {}}, now);
    needed += (jobs + each - 1) / each;
    while (stopping_ < needed) {
      auto* victim = victim_for(*key, now);
      if (!victim) break;
      auto& b = batches_.at(victim->first);
      b.stopping = true;
      ++stopping_;
      for (const auto& id : computed_with(b)) result.preempt.push_back({id, b.worker});
    }
  }
}

/// The highest class that stopping the batch would hold up; nothing when it is not to be stopped.
std::optional<job_class> scheduler_core::stoppable(const batch_id& id, const running_batch& b, instant now) const {
  if (b.stopping || !b.granted || b.jobs.empty() || b.started_at > now) return {};
  auto w = workers_.find(b.worker);
  if (w == workers_.end() || w->second.batches.empty() || w->second.batches.front() != id || !usable(w->second))
    return {};
  auto cls = std::ranges::min(b.jobs, {}, &queue_entry::cls).cls;
  if (w->second.batches.size() > 1)
    for (const auto& other : computed_with(b))
      cls = std::min(cls, std::ranges::min(batches_.at(other).jobs, {}, &queue_entry::cls).cls);
  if (cls == job_class::urgent) return {};
  auto end = ends_at(b);
  if (end && *end - now <= options_.preempt_patience) return {};
  return cls;
}

/// The lowest class first, then the batch preempted least often, then the one least of which can be lost.
const std::pair<const batch_id, scheduler_core::running_batch>* scheduler_core::victim_for(const batch_key& key,
                                                                                           instant now) const {
  const std::pair<const batch_id, running_batch>* best = nullptr;
  std::tuple<int, int, instant::duration> best_rank{};
  for (const auto& entry : batches_) {
    const auto& b = entry.second;
    auto cls = stoppable(entry.first, b, now);
    if (!cls) continue;
    auto times = std::ranges::max(b.jobs, {}, &queue_entry::preempted).preempted;
    std::tuple rank{-static_cast<int>(*cls), static_cast<int>(times), now - b.started_at};
    if (best && best_rank <= rank) continue;
    if (!may_run(workers_.at(b.worker).kind, key, now)) continue;
    best = &entry;
    best_rank = rank;
  }
  return best;
}

} // namespace reel
