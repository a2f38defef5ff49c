// The part of scheduler_core that answers questions and changes nothing.
#include <algorithm>
#include <cmath>
#include <functional>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

std::optional<job_live> scheduler_core::describe(const job_id& id, instant now, wall_time wall) const {
  if (auto found = running_.find(id); found != running_.end()) return describe_running(batches_.at(found->second));
  auto waits = queue_.entry_of(id);
  if (!waits) return {};
  job_live live;
  live.queue_position = queue_.position(id);
  live.step = waits->key->steps_done;
  live.steps_total = waits->key->steps;
  live.eta_ms = eta_ms(*waits, now, wall);
  return live;
}

job_live scheduler_core::describe_running(const running_batch& b) const {
  job_live live;
  live.phase = b.progress.phase;
  live.step = b.progress.step;
  live.steps_total = b.progress.steps_total;
  if (auto takes = planner_.cost().predict(*b.key, b.jobs.size()); takes && live.steps_total > 0)
    live.eta_ms = static_cast<std::uint64_t>(
        takes->count() / 1000 * std::clamp(live.steps_total - live.step, 0, b.key->steps_left()) / b.key->steps_left());
  return live;
}

/// When its own batch begins, and how long that takes.
std::uint64_t scheduler_core::eta_ms(const queue_entry& job, instant now, wall_time wall) const {
  std::size_t best = 1;
  std::string_view device;
  std::set<const void*> serving; // kinds of worker that can run it
  for (const auto& one : tallies_)
    if (can_run(one.first, *job.key, now)) serving.insert(&one);
  std::vector<double> free_in_s; // of the workers of these kinds
  for (const auto& [wid, w] : workers_) {
    if (!serving.contains(w.tallied)) continue; // of the usable ones
    if (free_in_s.empty()) {
      best = planner_.best(question(*job.key, w.kind), now);
      device = w.kind.device;
    }
    free_in_s.push_back(left_s(w, now));
  }
  auto batch_s = [&](std::size_t jobs) {
    auto takes = planner_.cost().predict(*job.key, jobs, device);
    return takes ? std::chrono::duration<double>(*takes).count() : 0;
  };
  if (free_in_s.empty() || batch_s(best) <= 0) return 0;
  auto wait = wait_s(job, free_in_s, best, batch_s(best), now, wall);
  // What begins soon has the company that is there; until later more will have come.
  auto company = std::clamp<std::size_t>(queue_.count(*job.key, true), 1, best);
  auto own = batch_s(wait < batch_s(company) ? company : best);
  return static_cast<std::uint64_t>(1000 * (wait + own));
}

namespace {

/// The smallest time from 0 on at which `enough` holds; it holds from then on.
double first_time_s(const std::function<bool(double)>& enough) {
  constexpr double most_s = 30 * 86'400.0;
  constexpr int halvings = 24;
  double low = 0, high = 1;
  if (enough(low)) return low;
  for (; high < most_s && !enough(high); high *= 2) low = high;
  for (int i = 0; i < halvings; ++i) {
    auto middle = (low + high) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

} // namespace

/// Until so many batches have begun as are before its own: those of the jobs that wait before it, and those of classes
/// above that come until then, as many as came of late. Of these no more than `passing_most`: such an overload passes,
/// at night at the latest. Rejected: what comes in its own class, which by the shares passes only the heaviest tenants.
double scheduler_core::wait_s(const queue_entry& job, const std::vector<double>& free_in_s, std::size_t size,
                              double batch_s, instant now, wall_time wall) const {
  constexpr double passing_most = 0.7; // of the workers
  auto before = std::max<std::size_t>(queue_.position(job.id), 1) - 1;
  auto workers = static_cast<double>(free_in_s.size());
  auto each = waiting_job_gpu_s(job.cls, now);
  if (each <= 0) each = batch_s / static_cast<double>(size);
  if (job.cls == job_class::free && !options_.off_peak.empty())
    return off_peak_wait_s(job, each * static_cast<double>(before), workers, batch_s, now, wall);
  double passing = 0; // workers' work per second
  for (std::size_t c = 0; c < static_cast<std::size_t>(job.cls); ++c) {
    auto cls = static_cast<job_class>(c);
    passing += flow_.jobs_per_s(cls, wall) * flow_.gpu_s(cls).value_or(each);
  }
  passing = std::min(passing, passing_most * workers);
  auto turn_s = each * static_cast<double>(size); // a batch of those before it
  return first_time_s([&](double t) {
    double begun = 0;
    for (auto f : free_in_s)
      if (f <= t) begun += 1 + std::floor((t - f) / turn_s);
    return begun > static_cast<double>(before / size) + std::floor(passing * t / turn_s);
  });
}

/// In off-peak hours on the part of the workers that other classes leave, in peak hours on as many as class free has
/// now, could have or is owed; and in time for when it is due, as it is paced for that.
double scheduler_core::off_peak_wait_s(const queue_entry& job, double before_gpu_s, double workers, double batch_s,
                                       instant now, wall_time wall) const {
  auto due = job.deadline.value_or(job.id.created_at() + options_.queue.due_in);
  auto latest_s = std::max(0.0, std::chrono::duration<double>(due - wall).count() - batch_s);
  auto off_peak = free_share_.part() * workers;
  auto peak = static_cast<double>(std::max(pace_.workers, free_batches_.size() + is_spare(*job.key, now)));
  auto wait = first_time_s([&](double t) {
    auto until = wall + std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(t));
    auto inside_s = std::chrono::duration<double>(options_.off_peak.within(wall, until)).count();
    return off_peak * inside_s + peak * (t - inside_s) > before_gpu_s;
  });
  return std::min(wait, latest_s);
}

/// Of a job that waits in this class or one above, on average; 0: not known.
double scheduler_core::waiting_job_gpu_s(job_class cls, instant now) const {
  double gpu_s = 0;
  std::size_t jobs = 0, keys = 0;
  for (std::size_t c = 0; c <= static_cast<std::size_t>(cls); ++c)
    for (const auto& [key, n] : queue_.waiting_by_key(static_cast<job_class>(c))) {
      if (++keys > keys_looked_at) break;
      gpu_s += waiting_gpu_s(*key, n, now);
      jobs += n;
    }
  return jobs == 0 ? 0 : gpu_s / static_cast<double>(jobs);
}

double scheduler_core::left_s(const worker_slot& w, instant now) const {
  if (w.batches.empty()) return 0;
  auto end = ends_at(batches_.at(w.batches.back()), &w);
  return end && *end > now ? std::chrono::duration<double>(*end - now).count() : 0;
}

void scheduler_core::count_workers(explanation& e, const batch_key& key, instant now) const {
  for (const auto& [id, w] : workers_) {
    if (!usable(w) || std::ranges::find(w.kind.models, key.model) == w.kind.models.end()) continue;
    ++e.workers_serving;
    e.largest_device_bytes = std::max(e.largest_device_bytes, w.kind.memory_bytes);
    if (!can_run(w.kind, key, now)) continue;
    if (e.workers_fitting++ == 0) e.batch_size = planner_.best(question(key, w.kind), now);
    if (w.batches.empty()) ++e.workers_idle;
    if (w.warm == key.model && w.resident == expert::low_noise) ++e.workers_holding;
  }
}

explanation scheduler_core::explain_running(const job_id& id, const batch_id& batch) const {
  explanation e;
  const auto& b = batches_.at(batch);
  e.why = wait_reason::runs;
  e.cls = std::ranges::find(b.jobs, id, &queue_entry::id)->cls;
  e.batch_size = b.jobs.size();
  e.degraded = b.degrade;
  auto live = describe_running(b);
  e.eta_ms = live.eta_ms;
  e.step = live.step;
  e.steps_total = live.steps_total;
  e.state = job_state::leased;
  e.batch = batch;
  e.worker = b.worker;
  e.until_step = b.until_step;
  e.from_step = b.adopted ? 0 : b.key->steps_done;
  return e;
}

explanation scheduler_core::explain(const job_id& id, instant now, wall_time wall) const {
  if (auto found = running_.find(id); found != running_.end()) return explain_running(id, found->second);
  explanation e;
  auto entry = queue_.entry_of(id);
  if (!entry) return e;
  e.cls = entry->cls;
  e.attempts_used = entry->attempts_used;
  e.position = queue_.position(id);
  e.eta_ms = eta_ms(*entry, now, wall);
  e.tenant_waiting = queue_.waiting(entry->cls, entry->tenant);
  e.class_waiting = queue_.waiting(entry->cls);
  for (std::size_t c = 0; c < static_cast<std::size_t>(entry->cls); ++c)
    e.higher_waiting += queue_.waiting(static_cast<job_class>(c));
  e.weight = static_cast<float>(queue_.weight(entry->tenant));
  e.needs_bytes = static_cast<std::uint64_t>(planner_.memory().bound(*entry->key, 1).value_or(0));
  e.not_before = queue_.delayed_until(id);
  count_workers(e, *entry->key, now);
  e.batch_cap = entry->key->batch_cap;
  if (e.not_before && *e.not_before > wall) {
    e.why = wait_reason::retry_later;
    e.state = job_state::retry_wait;
  } else if (const auto budget = queue_.parked_by(id, now)) {
    e.why = wait_reason::retry_budget;
    e.state = job_state::retry_wait;
    e.retries_running = budget->running;
    e.retries_max = budget->most;
  } else if (paused_)
    e.why = wait_reason::queue_paused;
  else if (store_held_)
    e.why = wait_reason::store;
  else if (queue_.is_paused(entry->tenant))
    e.why = wait_reason::tenant_paused;
  else if (const auto limit = queue_.held_by(entry->tenant, entry->cls)) {
    e.why = wait_reason::quota;
    e.tenant_running = limit->running;
    e.running_max = limit->most;
  } else if (e.workers_serving == 0)
    e.why = wait_reason::no_worker_serves;
  else if (e.workers_fitting == 0)
    e.why = wait_reason::no_worker_fits;
  else if (waits_for_off_peak(*entry, now, wall)) {
    e.why = wait_reason::off_peak;
    e.not_before = options_.off_peak.next_begin(wall);
  } else if (entry->key->canary)
    e.why = wait_reason::canary;
  else if (!any_may_run(*entry->key, now)) {
    e.why = wait_reason::breaker;
    explain_breaker(e, *entry->key, now, wall);
  } else
    e.why = experts_.is_second_stage(*entry->key) ? wait_reason::second_stage
            : e.workers_idle > 0                  ? wait_reason::window
                                                  : wait_reason::turn;
  e.step = entry->key->steps_done;
  e.steps_total = entry->key->steps;
  return e;
}

// ---------------------------------------------------------------- the whole

/// Before anything is learnt of it.
batch_figures scheduler_core::figures_of(const running_batch& b, std::optional<std::chrono::milliseconds> measured,
                                         const batch_measures& m, std::string_view device) const {
  batch_figures f{.key = *b.key};
  for (const auto& job : b.jobs) f.jobs.emplace_back(job.id, job.cls);
  f.steps_done = b.progress.step;
  f.peak_bytes = m.peak_bytes;
  const auto together = std::max<std::size_t>(b.jobs.size(), m.together);
  if (auto bound = planner_.memory().bound(*b.key, together)) f.bound_bytes = static_cast<std::uint64_t>(*bound);
  if (!measured) return f;
  f.measured_s = std::chrono::duration<double>(*measured).count();
  if (auto takes = planner_.cost().predict(b.part(), b.jobs.size(), device))
    f.foretold_s = std::chrono::duration<double>(*takes + b.loads).count();
  return f;
}

std::vector<worker_status> scheduler_core::workers() const {
  std::vector<worker_status> all;
  for (const auto& [id, w] : workers_) {
    all.push_back(w.status);
    all.back().message = message_of(w);
    if (w.ejected_until) all.back().state = worker_state::ejected;
  }
  return all;
}

std::string scheduler_core::message_of(const worker_slot& w) const {
  if (w.ejected_until) return ejected_for_now;
  if (w.status.state != worker_state::ready) return w.status.message;
  const auto* d = drained(w.status.id);
  return d ? "drained by " + d->by.value : w.status.message;
}

queue_view scheduler_core::view() const {
  queue_view v;
  for (std::size_t c = 0; c < v.waiting.size(); ++c) v.waiting[c] = queue_.waiting(static_cast<job_class>(c));
  v.delayed = queue_.delayed();
  v.running = running_.size();
  v.batches = batches_.size();
  v.pauses = pauses_.all;
  return v;
}

/// At the best batch size; 0: not known.
double scheduler_core::waiting_gpu_s(const batch_key& key, std::size_t jobs, instant now) const {
  auto largest = memory_sizes_.empty() ? 0 : memory_sizes_.rbegin()->first;
  auto size = planner_.best({key, jobs, batch_max(key), largest, {}}, now);
  auto takes = planner_.cost().predict(key, size);
  if (!takes) return 0;
  return std::chrono::duration<double>(*takes).count() * static_cast<double>(jobs) / static_cast<double>(size);
}

std::map<model_id, work_load> scheduler_core::work(instant now) const {
  std::map<model_id, work_load> all;
  std::map<model_id, std::size_t> looked_at;
  std::size_t keys = 0;
  for (std::size_t c = 0; c < job_queue::classes && !paused_; ++c)
    for (const auto& [key, jobs] : queue_.waiting_by_key(static_cast<job_class>(c))) {
      auto& load = all[key->model];
      load.jobs += jobs;
      if (++keys > keys_looked_at) continue;
      load.gpu_s += waiting_gpu_s(*key, jobs, now);
      looked_at[key->model] += jobs;
    }
  for (const auto& [model, jobs] : looked_at)
    all[model].gpu_s *= static_cast<double>(all[model].jobs) / static_cast<double>(jobs);
  for (const auto& [id, b] : batches_) {
    auto& load = all[b.key->model];
    load.jobs += b.jobs.size();
    if (auto end = ends_at(b); end && *end > now)
      load.gpu_s += std::chrono::duration<double>(*end - std::max(now, b.started_at)).count();
  }
  return all;
}

const std::vector<queue_entry>* scheduler_core::jobs_of(const batch_id& id) const {
  auto found = batches_.find(id);
  return found == batches_.end() ? nullptr : &found->second.jobs;
}

std::int32_t scheduler_core::steps_done(const batch_id& id) const {
  auto found = batches_.find(id);
  return found == batches_.end() ? 0 : found->second.progress.step;
}

} // namespace reel
