#include "actors/storage/memory_ledger.hpp"

#include <algorithm>

#include "actors/storage/short_text.hpp"
#include "runtime/limits.hpp"

namespace reel {

namespace {

/// The same for jobs that ask for the same shape.
std::uint64_t kind_of(const job_request& r) {
  auto kind = std::hash<std::string>{}(r.params.model.value);
  for (auto n : {r.params.width, r.params.height, r.params.frames, r.params.steps, static_cast<int>(r.params.sampler)})
    kind = (kind ^ static_cast<std::uint32_t>(n)) * 0x9E3779B97F4A7C15ull;
  return kind;
}

} // namespace

memory_ledger::memory_ledger(memory_ledger_options options, deliver_function deliver)
    : options_{std::move(options)}, deliver_{std::move(deliver)}, estimates_{options_.limits.gpu_estimate} {}

void memory_ledger::accept(accept_jobs m, reply_to<accept_answers> reply) {
  if (m.jobs.size() > limits::accept_jobs_max) return answer(reply, {failed{errc::invalid_argument}});
  accept_answers all;
  {
    std::lock_guard lock{mutex_};
    for (const auto& request : m.jobs) all.answers.push_back(accept_one(request));
  }
  answer(reply, {std::move(all)});
}

accept_answer memory_ledger::accept_one(const job_request& request) {
  if (request.id.is_nil() || !is_valid_name(request.tenant.value) || request.idempotency_key.size() > 1024)
    return {errc::invalid_argument, request.id};
  const auto now = steady_now();
  if (!request.idempotency_key.empty()) {
    auto known = keys_.find({request.tenant, request.idempotency_key});
    if (known != keys_.end() && known->second.accepted_at > now - options_.keys_kept) {
      const auto& first = jobs_.at(known->second.job).record.request;
      if (first.payload_sha256 != request.payload_sha256) return {errc::key_reused, request.id};
      return {errc::ok, first.id, true};
    }
  }
  if (unfinished_ids_.size() >= options_.limits.queued_jobs_max)
    return {errc::queue_full, request.id, false, {}, ends_.seconds_for(unfinished_ids_.size(), now)};
  const auto gpu_ms = estimates_.estimate_ms(kind_of(request));
  auto full = full_queue(request);
  if (full == quota_kind::none)
    full = exceeded_by(options_.limits.of(request.tenant), used_today(request.tenant), request.cls, gpu_ms);
  if (full != quota_kind::none) {
    accept_answer refused{errc::quota_exceeded, request.id, false, standing_of(request)};
    refused.quota.exceeded = full;
    return refused;
  }
  if (jobs_.count(request.id) > 0) return {errc::conflict, request.id};

  auto& e = jobs_[request.id];
  e.record.request = request;
  e.quota = {today(request.tenant).number, gpu_ms};
  note(e, {.kind = event_kind::accepted});
  if (!request.idempotency_key.empty()) keys_[{request.tenant, request.idempotency_key}] = {request.id, now};
  ++unfinished_of(request);
  unfinished_ids_.insert(request.id);
  return {errc::ok, request.id, false, standing_of(request)};
}

void memory_ledger::cancel(cancel_job m, reply_to<cancel_answer> reply) {
  std::unique_lock lock{mutex_};
  auto* e = find(m.tenant, m.id);
  outcome<cancel_answer, errc> result = failed{errc::not_found};
  if (e) {
    if (stop(*e) || e->record.state == job_state::cancelled)
      result = cancel_answer{e->record.state, e->record.state == job_state::leased};
    else
      result = failed{errc::conflict};
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::remove(delete_job m, reply_to<delete_answer> reply) {
  std::unique_lock lock{mutex_};
  auto* e = find(m.tenant, m.id);
  outcome<delete_answer, errc> result = failed{errc::not_found};
  if (e) {
    stop(*e);
    e->hidden = true;
    const auto& r = e->record;
    ++e->record.version;
    note(*e, {.kind = event_kind::removed});
    delete_answer removed{r.state == job_state::leased, {}};
    if (r.state == job_state::succeeded) {
      const auto prefix = object_prefix(r.request.tenant, r.request.id, r.generation, r.committed_fence);
      if (r.video.size_bytes > 0)
        removed.object_keys.push_back(make_object_key(prefix, artifact::video, r.video.sha256));
      if (r.thumbnail.size_bytes > 0)
        removed.object_keys.push_back(make_object_key(prefix, artifact::thumbnail, r.thumbnail.sha256));
    }
    result = std::move(removed);
  }
  lock.unlock();
  answer(reply, std::move(result));
}

bool memory_ledger::stop(entry& e) {
  auto& r = e.record;
  if (is_terminal(r.state)) return false;
  if (r.state == job_state::leased) {
    if (r.cancel_requested) return true;
    ++r.version;
    r.cancel_requested = true;
    note(e, {.kind = event_kind::cancel_requested});
    return true;
  }
  ++r.version;
  finish(e, job_state::cancelled, errc::cancelled);
  note(e, {.kind = event_kind::ended, .cause = errc::cancelled});
  return true;
}

void memory_ledger::reprioritise(reprioritise_job m, reply_to<reprioritise_answer> reply) {
  std::unique_lock lock{mutex_};
  auto* e = find(m.tenant, m.id);
  outcome<reprioritise_answer, errc> result = failed{errc::not_found};
  if (e) {
    auto& r = e->record;
    const auto from = r.request.cls;
    const bool waits = r.state == job_state::queued || r.state == job_state::retry_wait;
    auto code = waits ? errc::ok : errc::conflict;
    if (waits && m.to != from) {
      if (move_quota(*e, m.to)) {
        ++r.version;
        note(*e, {.kind = event_kind::reprioritised});
      } else
        code = errc::quota_exceeded;
    }
    const auto named = code == errc::conflict ? from : m.to;
    result = reprioritise_answer{code, r.state, from, named};
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::pause(set_pause m, reply_to<pause_list> reply) {
  std::unique_lock lock{mutex_};
  outcome<pause_list, errc> result = failed{errc::queue_full};
  const bool is_new = m.paused && !is_there(all_pauses(), m);
  if (!is_sound(m))
    result = failed{errc::invalid_argument};
  else if (!is_new || pauses_.size() + drained_.size() < limits::pauses_max) {
    const bool is_place = !m.place.empty();
    if (is_new && is_place) drained_[m.place] = {m.place, m.by, options_.now()};
    if (is_new && !is_place) pauses_[m.tenant] = {m.tenant, m.by, options_.now()};
    if (!m.paused && is_place) drained_.erase(m.place);
    if (!m.paused && !is_place) pauses_.erase(m.tenant);
    result = all_pauses();
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::pauses(read_pauses, reply_to<pause_list> reply) {
  std::unique_lock lock{mutex_};
  auto list = all_pauses();
  lock.unlock();
  answer(reply, {std::move(list)});
}

pause_list memory_ledger::all_pauses() const {
  pause_list list;
  for (const auto& [tenant, one] : pauses_) list.all.push_back(one);
  for (const auto& [place, one] : drained_) list.drained.push_back(one);
  return list;
}

void memory_ledger::lead(take_leadership, reply_to<leadership> reply) {
  std::unique_lock lock{mutex_};
  const leadership now{++term_};
  lock.unlock();
  answer(reply, {now});
}

void memory_ledger::grant(grant_batch m, reply_to<grant_answer> reply) {
  std::unique_lock lock{mutex_};
  outcome<grant_answer, errc> result = failed{errc::not_leader};
  if (m.jobs.size() > limits::batch_jobs_max)
    result = failed{errc::invalid_argument};
  else if (m.term != 0 && m.term == term_) {
    grant_answer granted;
    const bool repeated = batches_.count(m.batch) > 0;
    std::uint32_t count = 0;
    for (const auto& id : m.jobs) {
      granted.jobs.push_back(repeated ? granted_job{errc::stale} : grant_one(id, m));
      if (granted.jobs.back().code == errc::ok) ++count;
    }
    if (count > 0) batches_[m.batch] = count;
    for (const auto& job : granted.jobs)
      if (job.code == errc::ok) jobs_.at(job.request.id).record.batch_size = count;
    result = std::move(granted);
  }
  lock.unlock();
  answer(reply, std::move(result));
}

granted_job memory_ledger::grant_one(const job_id& id, const grant_batch& m) {
  auto found = jobs_.find(id);
  if (found == jobs_.end()) return {errc::stale};
  auto& r = found->second.record;
  if (r.state != job_state::queued && r.state != job_state::retry_wait) return {errc::stale};
  const bool was_degraded = r.recovery.degraded != degrade_reason::none;
  if (!may_serve(r, m)) return {errc::stale};
  if (!was_degraded && m.served_model != r.request.params.model) keep(found->second, {});
  r.state = job_state::leased;
  ++r.version;
  ++r.fence;
  r.batch = m.batch;
  r.worker = m.worker;
  r.served_model = m.served_model;
  r.degraded = r.served_model != r.request.params.model;
  r.degrade_reason = r.degraded ? to_string(r.recovery.degraded) : "";
  r.started_at = options_.now();
  r.not_before.reset();
  note(found->second, {.kind = event_kind::granted, .worker = m.worker, .from_step = found->second.saved.steps});
  return {errc::ok, r.generation, r.fence, r.attempts_used, r.request, found->second.saved, r.recovery};
}

void memory_ledger::end(end_batch m, reply_to<end_answer> reply) {
  std::unique_lock lock{mutex_};
  outcome<end_answer, errc> result = failed{errc::not_leader};
  if (m.outcomes.size() > limits::batch_jobs_max)
    result = failed{errc::invalid_argument};
  else if (m.term != 0 && m.term == term_) {
    end_answer ended;
    std::set<std::string> before;
    for (const auto& outcome : m.outcomes) note_saved_key(outcome.id, before);
    for (const auto& outcome : m.outcomes) {
      ended.codes.push_back(end_one(outcome, m.batch));
      const auto found = jobs_.find(outcome.id);
      const bool waits = ended.codes.back() == errc::ok && found->second.record.state == job_state::retry_wait;
      ended.saved_steps.push_back(waits ? found->second.saved.steps : 0);
    }
    ended.released = released_of(before);
    result = std::move(ended);
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::saved(batch_saved m, reply_to<save_answer> reply) {
  std::unique_lock lock{mutex_};
  outcome<save_answer, errc> result = failed{errc::invalid_argument};
  if (m.jobs.size() <= limits::batch_jobs_max) {
    std::set<std::string> before;
    for (const auto& job : m.jobs) note_saved_key(job.id, before);
    for (const auto& job : m.jobs) {
      auto found = jobs_.find(job.id);
      if (found == jobs_.end()) continue;
      const auto& r = found->second.record;
      const auto key = parse_object_key(job.saved.key);
      if (r.state == job_state::leased && !r.cancel_requested && r.fence == job.fence && r.batch == m.batch && key &&
          key->kind == artifact::saved_run)
        keep(found->second, job.saved);
    }
    result = save_answer{released_of(before)};
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::note_saved_key(const job_id& id, std::set<std::string>& keys) const {
  auto found = jobs_.find(id);
  if (found != jobs_.end() && !found->second.saved.is_none()) keys.insert(found->second.saved.key);
}

std::vector<std::string> memory_ledger::released_of(const std::set<std::string>& keys) const {
  std::vector<std::string> released;
  for (const auto& key : keys)
    if (!saved_keys_.contains(key)) released.push_back(key);
  return released;
}

/// In place of what it had.
void memory_ledger::keep(entry& e, saved_run saved) {
  if (!e.saved.is_none())
    if (auto found = saved_keys_.find(e.saved.key); --found->second == 0) saved_keys_.erase(found);
  e.saved = std::move(saved);
  if (!e.saved.is_none()) ++saved_keys_[e.saved.key];
}

errc memory_ledger::end_one(const job_outcome& o, const batch_id& batch) {
  auto found = jobs_.find(o.id);
  if (found == jobs_.end()) return errc::stale;
  auto& r = found->second.record;
  if (r.state != job_state::leased || r.fence != o.fence || r.batch != batch) return errc::stale;
  ++r.version;
  r.attempts_used += o.counted ? 1 : 0;
  r.gpu_ms += o.gpu_ms;

  const auto how = r.cancel_requested ? verdict::cancelled : o.how;
  const bool overruled = how != o.how;
  learn(r, o, how);
  r.degrade_reason = r.degraded ? to_string(r.recovery.degraded) : "";
  if (how == verdict::retry) {
    r.state = job_state::retry_wait;
    r.not_before = o.not_before;
    const auto key = parse_object_key(o.saved.key);
    if (key && key->kind == artifact::saved_run)
      keep(found->second, o.saved);
    else if (o.forget_saved)
      keep(found->second, {});
    note_end(found->second, o, false);
    return errc::ok;
  }
  r.error_message = shortened(o.message, error_message_bytes_max);
  if (how == verdict::succeeded) {
    r.committed_fence = r.fence;
    found->second.charged_ms = o.gpu_ms;
    if (r.recovery.degraded == degrade_reason::none) estimates_.measured(kind_of(r.request), o.gpu_ms);
    r.video = o.video;
    r.thumbnail = o.thumbnail;
    finish(found->second, job_state::succeeded, errc::ok);
  } else if (how == verdict::cancelled) {
    const bool told = !overruled && o.cause != errc::ok;
    finish(found->second, job_state::cancelled, told ? o.cause : errc::cancelled);
  } else {
    finish(found->second, how == verdict::failed ? job_state::failed : job_state::dead_letter,
           o.cause == errc::ok ? errc::internal : o.cause);
  }
  note_end(found->second, o, overruled);
  return overruled ? errc::cancelled : errc::ok;
}

void memory_ledger::finish(entry& e, job_state state, errc error) {
  e.record.state = state;
  e.record.error = error;
  e.record.not_before.reset();
  keep(e, {});
  if (state != job_state::dead_letter && e.record.recovery.degraded == degrade_reason::none) e.record.recovery = {};
  e.record.finished_at = options_.now();
  owe_webhook(e.record);
  --unfinished_of(e.record.request);
  unfinished_ids_.erase(e.record.request.id);
  ends_.ended(steady_now());
  if (!options_.ended_kept) return;
  ended_.push_back({steady_now(), e.record.request.id, e.record.generation});
  forget_ended();
}

instant memory_ledger::steady_now() const {
  return options_.steady_now ? options_.steady_now() : instant{options_.now().time_since_epoch()};
}

memory_ledger::entry* memory_ledger::find(const tenant_id& tenant, const job_id& id) {
  auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.hidden) return nullptr;
  if (!tenant.value.empty() && found->second.record.request.tenant != tenant) return nullptr;
  return &found->second;
}

} // namespace reel
