#include "actors/scheduler/scheduler_core.hpp"

#include <algorithm>

namespace reel {

std::string node_of(const worker_id& w) { return w.value.substr(0, w.value.find('/')); }

namespace {

/// The same for jobs that ask for the same.
std::uint64_t content_of(const job_request& request) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < sizeof word; ++i) word = word << 8 | request.payload_sha256.bytes[i];
  return word == 0 ? uuid_hash{}(request.id) : word;
}

queue_options queue_options_of(const scheduler_options& o) {
  auto q = o.queue;
  q.dues = !o.off_peak.empty();
  return q;
}

} // namespace

scheduler_core::scheduler_core(scheduler_options o)
    : options_{std::move(o)}, queue_{queue_options_of(options_)}, planner_{options_.cost_priors,
                                                                           options_.memory_priors},
      breakers_{options_.breaker}, overload_{options_.overload} {
  for (const auto& [tenant, weight] : options_.weights) queue_.set_weight(tenant, weight);
}

/// The part of the queue in which it waits, apart from those that it may not run together with.
batch_key scheduler_core::place_of(batch_key key, const recovery_mark& mark) const {
  key.batch_cap = static_cast<std::uint16_t>(std::min(mark.batch_cap, 0xFFFFu));
  key.canary = mark.canary;
  if (mark.degraded == degrade_reason::none) return key;
  return light_of(key).value_or(key);
}

bool scheduler_core::add(const waiting_job& as_stored, instant now) {
  if (running_.contains(as_stored.id)) return false;
  auto job = as_stored;
  job.key.keeps_model = job.keeps_model && options_.fallbacks.contains(job.key.model);
  job.key = place_of(job.key, job.recovery);
  has_canaries_ = has_canaries_ || job.key.canary;
  if (job.state != job_state::leased) {
    if (!queue_.add(job, now)) return false;
    arrivals_.arrived(now);
    flow_.arrived(job.cls, job.id.created_at());
    return true;
  }
  // A page read before the batch closed may still show its lease.
  if (queue_.contains(job.id) || batches_.contains(job.batch)) return false;
  auto [at, inserted] =
      orphans_.try_emplace(job.batch, orphan{{job.batch, job.worker, {}, {}}, now + options_.lease_ttl, {}});
  auto& lease = at->second.lease;
  if (std::ranges::find(lease.jobs, job.id, &queue_entry::id) != lease.jobs.end()) return false;
  if (job.cancel_requested) lease.cancelled.push_back(job.id);
  lease.jobs.push_back(queue_.entry_of(job));
  queue_.started(lease.jobs.back());
  return false;
}

std::optional<batch_id> scheduler_core::cancel(const job_id& id) {
  if (auto found = running_.find(id); found != running_.end()) return found->second;
  if (queue_.remove(id)) return {};
  for (auto& [batch, o] : orphans_)
    if (std::ranges::find(o.lease.jobs, id, &queue_entry::id) != o.lease.jobs.end()) o.lease.cancelled.push_back(id);
  return {};
}

/// The turn that a job in a batch had was its old class's; what is still settled of it is not worth more memory.
bool scheduler_core::reprioritise(const job_id& id, job_class to, instant now) {
  auto found = running_.find(id);
  if (found == running_.end()) return queue_.reprioritise(id, to, now);
  std::ranges::find(batches_.at(found->second).jobs, id, &queue_entry::id)->cls = to;
  return true;
}

void scheduler_core::obey(const pause_list& pauses, instant now) {
  auto set = [this](const tenant_id& who, bool paused) { who.value.empty() ? pause_all(paused) : pause(who, paused); };
  for (const auto& p : pauses_.all)
    if (std::ranges::find(pauses.all, p.tenant, &queue_pause::tenant) == pauses.all.end()) set(p.tenant, false);
  for (const auto& p : pauses.all) set(p.tenant, true);
  const bool drains_change = pauses.drained != pauses_.drained;
  pauses_ = pauses;
  if (!drains_change) return;
  for (auto& [id, w] : workers_) index(w, now);
}

/// Null: it is not.
const drained_place* scheduler_core::drained(const worker_id& id) const {
  const auto is_it = [&id, node = node_of(id)](const drained_place& d) {
    return d.place == id.value || d.place == node;
  };
  const auto found = std::ranges::find_if(pauses_.drained, is_it);
  return found == pauses_.drained.end() ? nullptr : &*found;
}

// ---------------------------------------------------------------- batches

void scheduler_core::granted(const batch_id& id, const std::vector<granted_job>& jobs) {
  auto found = batches_.find(id);
  if (found == batches_.end()) return;
  auto& b = found->second;
  b.granted = true;
  std::vector<queue_entry> kept;
  for (std::size_t i = 0; i < b.jobs.size() && i < jobs.size(); ++i) {
    if (jobs[i].code != errc::ok) {
      running_.erase(b.jobs[i].id);
      queue_.settle(b.jobs[i].tenant, b.jobs[i].cls, -b.charged_gpu_s);
      queue_.ended(b.jobs[i]);
      continue;
    }
    b.content ^= content_of(jobs[i].request);
    b.jobs[i].fence = jobs[i].fence;
    b.jobs[i].attempts_used = jobs[i].attempts_used;
    b.jobs[i].generation = jobs[i].generation;
    kept.push_back(b.jobs[i]);
  }
  b.jobs = std::move(kept);
  if (!b.jobs.empty()) return;
  judge(b, {}, {}, b.started_at);
  take_out(id, {});
}

void scheduler_core::grant_failed(const batch_id& id, instant now) {
  auto b = take_out(id, now);
  if (!b) return;
  judge(*b, {}, {}, now);
  settle(*b, 0);
  for (const auto& job : b->jobs) queue_.add(job, {}, now);
}

void scheduler_core::progressed(const batch_progress& p, instant now) {
  auto found = batches_.find(p.batch);
  if (found == batches_.end()) return;
  auto& b = found->second;
  b.progress = p;
  b.progress_at = now;
  auto w = workers_.find(b.worker);
  if (w == workers_.end() || w->second.batches.empty()) return;
  if (w->second.batches.back() == p.batch && usable(w->second))
    pool_.put(w->second, false, prefetch_at(w->second), now);
}

batch_figures scheduler_core::closed(const batch_id& id, const std::vector<job_rerun>& reruns,
                                     std::optional<std::chrono::milliseconds> measured, instant now,
                                     const batch_measures& m) {
  auto found = batches_.find(id);
  if (found == batches_.end()) return {};
  auto w = workers_.find(found->second.worker);
  auto kind = w == workers_.end() ? worker_kind{} : w->second.kind;
  if (w != workers_.end()) {
    pool_.remove(w->second);
    if (m.failed && !m.out_of_memory) w->second.avoid_until = now + options_.avoid_for;
    note_experts(w->second, id, m.experts.use.resident);
  }
  judge(found->second, m, measured, now);
  if (w != workers_.end()) judge(w->second, found->second, m, measured.has_value(), now);
  auto b = *take_out(id, now);
  auto figures = figures_of(b, measured, m, kind.device);
  learn(b, measured, m.experts, kind.device);
  if (m.runs_lost) hand_over_from_ = now + options_.avoid_for;
  auto together = std::max<std::size_t>(b.jobs.size(), m.together);
  if (m.peak_bytes != 0) planner_.memory().learn(*b.key, together, m.peak_bytes);
  if (m.out_of_memory) planner_.memory().out_of_memory(*b.key, together, kind.memory_bytes, now);
  auto own = measured ? measured : m.used;
  std::chrono::duration<double> used = own ? *own : std::max(now - b.started_at, instant::duration{0});
  settle(b, figures.used_s = used.count());
  if (m.sign != health_sign::none) queue_.learn(b.key->model, m.sign == health_sign::good, now);
  if (own && !b.jobs.empty() && reruns.empty()) flow_.ran(b.jobs.front().cls, b.jobs.size(), used.count());
  for (auto& job : b.jobs) {
    auto rerun = std::ranges::find(reruns, job.id, &job_rerun::id);
    if (rerun == reruns.end()) continue;
    job.fence = rerun->fence;
    job.attempts_used = rerun->attempts_used;
    if (rerun->made_room) ++job.preempted;
    if (rerun->mark.suspect_count > 0) failed_at_.touch(job.id) = now;
    move_on(job, *rerun);
    queue_.add(job, rerun->not_before, now);
  }
  return figures;
}

/// From where it stands now, with those that it may still run with.
void scheduler_core::move_on(queue_entry& job, const job_rerun& rerun) {
  job.is_retry = false;
  auto key = place_of(*job.key, rerun.mark);
  key.steps_done = rerun.saved_steps;
  if (key != *job.key) job.key = queue_.share(key);
}

std::vector<batch_id> scheduler_core::stopping() const {
  std::vector<batch_id> all;
  if (stopping_ == 0) return all;
  for (const auto& [id, b] : batches_)
    if (b.stopping)
      for (const auto& one : computed_with(b)) all.push_back(one);
  return all;
}

/// What the batch took is shared by its jobs; their tenants have paid the prediction already.
void scheduler_core::settle(const running_batch& b, double gpu_s) {
  if (b.jobs.empty()) return;
  auto each = gpu_s / static_cast<double>(b.jobs.size()) - b.charged_gpu_s;
  for (const auto& job : b.jobs) queue_.settle(job.tenant, job.cls, each);
}

std::optional<scheduler_core::running_batch> scheduler_core::take_out(const batch_id& id, instant now) {
  if (!batches_.contains(id)) return {};
  no_more_joins(id);
  auto node = batches_.extract(id);
  auto& b = node.mapped();
  if (b.stopping) --stopping_;
  free_batches_.erase(id);
  if (b.key->canary) --canaries_running_;
  if (auto w = workers_.find(b.worker); w != workers_.end()) {
    std::erase(w->second.batches, id);
    index(w->second, now);
  }
  for (const auto& job : b.jobs) {
    queue_.ended(job);
    if (auto at = running_.find(job.id); at != running_.end() && at->second == id) running_.erase(at);
  }
  return std::move(b);
}

// ---------------------------------------------------------------- workers

scheduler_core::report_result scheduler_core::reported(const workers_report& r, instant now) {
  report_result result;
  for (const auto& status : r.workers) {
    if (node_of(status.id) != r.node.value) continue; // nobody speaks for another node's workers
    auto& w = workers_[status.id];
    pool_.remove(w);
    if (status.pid != w.status.pid || status.state != worker_state::ready) w.resident = expert::none;
    w.status = status;
    if (r.draining) w.status.state = worker_state::down;
    if (w.kind.memory_bytes != status.memory_bytes || w.kind.device != status.device || w.kind.models != status.models)
      w.kind = {status.memory_bytes, status.device, status.models};
    for (const auto& id : status.batches) {
      if (batches_.contains(id)) continue;
      if (auto found = adopt(id, status.id, now))
        result.adopted.push_back(std::move(*found));
      else
        result.unknown.emplace_back(id, status.id);
    }
    check_batches(w, now, result.lost);
    index(w, now);
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

void scheduler_core::check_batches(const worker_slot& w, instant now, std::vector<batch_id>& lost) {
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
  running_batch b{on, lease.jobs.front().key, lease.jobs, true, {}, now, {}};
  b.adopted = true;
  b.content = uuid_hash{}(lease.jobs.front().id); // what was asked for is not known here
  if (lease.jobs.front().cls == job_class::free) free_batches_.insert(id);
  if (lease.jobs.front().key->canary) ++canaries_running_;
  auto& w = workers_[on];
  pool_.remove(w);
  w.status.id = on;
  // Of a worker that has not reported yet nobody knows which class of GPU it is.
  if (std::ranges::find(w.kind.models, b.key->model) != w.kind.models.end()) pass_breaker(b, w.kind.device, now);
  batches_.emplace(id, std::move(b));
  w.batches.push_back(id);
  index(w, now);
  return lease;
}

/// A node that goes on reporting without an orphaned batch will not claim it any more.
void scheduler_core::check_orphans(const workers_report& r, instant now) {
  for (auto& [id, o] : orphans_)
    if (node_of(o.lease.worker) == r.node.value && is_missing(o.missing_since, false, now)) o.expires_at = now;
}

void scheduler_core::node_suspect(const node_id& node, bool suspect, instant now) {
  if (suspect)
    suspects_.insert(node.value);
  else
    suspects_.erase(node.value);
  for (auto& [id, w] : workers_)
    if (node_of(id) == node.value) index(w, now);
}

bool scheduler_core::usable(const worker_slot& w) const {
  return w.status.state == worker_state::ready && !w.ejected_until &&
         (suspects_.empty() || !suspects_.contains(node_of(w.status.id))) &&
         (pauses_.drained.empty() || !drained(w.status.id));
}

/// Whatever changed about a worker: the pool learns what it may be given, and when.
void scheduler_core::index(worker_slot& w, instant now) {
  count_memory(w, usable(w));
  count_expert(w, usable(w));
  tally(w, usable(w));
  if (!usable(w)) return pool_.remove(w);
  pool_.put(w, w.batches.empty(), prefetch_at(w), now);
}

/// When it may be given a batch behind its last one; nothing when it is idle, has what it may have, or nobody knows.
std::optional<instant> scheduler_core::prefetch_at(const worker_slot& w) const {
  if (w.batches.empty() || w.batches.size() >= w.status.credits) return {};
  auto end = ends_at(batches_.at(w.batches.back()), &w);
  return end ? std::optional{*end - options_.prefetch_horizon} : std::nullopt;
}

void scheduler_core::count_memory(worker_slot& w, bool is_usable) {
  if (is_usable && w.counted == w.kind.memory_bytes) return;
  if (w.counted)
    if (auto found = memory_sizes_.find(*w.counted); --found->second == 0) memory_sizes_.erase(found);
  w.counted.reset();
  if (!is_usable) return;
  ++memory_sizes_[w.kind.memory_bytes];
  w.counted = w.kind.memory_bytes;
}

std::optional<instant> scheduler_core::ends_at(const running_batch& b) const {
  auto w = workers_.find(b.worker);
  return ends_at(b, w == workers_.end() ? nullptr : &w->second);
}

/// From its latest word on, at the pace of what its worker computes together.
std::optional<instant> scheduler_core::ends_at(const running_batch& b, const worker_slot* w) const {
  std::string_view device;
  std::size_t jobs = b.jobs.size();
  if (w) {
    device = w->kind.device;
    if (w->batches.size() > 1) jobs = std::max(jobs, jobs_together(*w, b));
  }
  auto part = b.part();
  auto takes = planner_.cost().predict(part, jobs, device);
  if (!takes) return {};
  if (b.progress_at == instant{}) return b.started_at + *takes + b.loads;
  auto left = std::clamp(part.steps - b.progress.step, 0, part.steps_left());
  return b.progress_at + *takes * left / part.steps_left();
}

std::vector<batch_id> scheduler_core::node_down(const node_id& node) {
  std::vector<batch_id> lost;
  for (auto at = workers_.begin(); at != workers_.end();) {
    auto& w = at->second;
    bool here = node_of(at->first) == node.value;
    if (here) {
      pool_.remove(w);
      count_memory(w, false);
      count_expert(w, false);
      tally(w, false);
      lost.insert(lost.end(), w.batches.begin(), w.batches.end());
      if (w.ejected_until) ejected_.erase({*w.ejected_until, at->first});
    }
    at = here ? workers_.erase(at) : std::next(at);
  }
  return lost;
}

std::vector<adoption> scheduler_core::expired_orphans(instant now) {
  std::vector<adoption> expired;
  std::erase_if(orphans_, [&](auto& entry) {
    if (entry.second.expires_at > now) return false;
    for (const auto& job : entry.second.lease.jobs) queue_.ended(job);
    expired.push_back(std::move(entry.second.lease));
    return true;
  });
  return expired;
}

} // namespace reel
