// The part of the memory ledger that looks at jobs after their end: their events, another life, webhooks.
#include <algorithm>

#include "actors/storage/memory_ledger.hpp"
#include "runtime/limits.hpp"

namespace reel {

void memory_ledger::note(entry& e, job_event what) {
  const auto& r = e.record;
  what.version = r.version;
  what.generation = r.generation;
  what.at = options_.now();
  what.to = r.state;
  what.fence = r.fence;
  if (options_.witness) return options_.witness(r, what);
  e.events.push_back(std::move(what));
}

void memory_ledger::note_end(entry& e, const job_outcome& o, bool overruled) {
  note(e, {.kind = event_kind::ended,
           .worker = e.record.worker,
           .cause = overruled             ? errc::cancelled
                    : o.cause != errc::ok ? o.cause
                                          : e.record.error,
           .counted = o.counted,
           .gpu_ms = o.gpu_ms});
}

void memory_ledger::forget_ended() {
  for (; !ended_.empty() && ended_.front().at < steady_now() - *options_.ended_kept; ended_.pop_front()) {
    const auto found = jobs_.find(ended_.front().id);
    if (found == jobs_.end() || found->second.record.generation != ended_.front().generation) continue;
    const auto& r = found->second.record;
    const auto key = keys_.find({r.request.tenant, r.request.idempotency_key});
    if (key != keys_.end() && key->second.job == r.request.id) keys_.erase(key);
    batches_.erase(r.batch);
    jobs_.erase(found);
  }
}

// ---------------------------------------------------------------- dead letters

void memory_ledger::dead(read_dead m, reply_to<dead_page> reply) {
  std::unique_lock lock{mutex_};
  dead_page page;
  const std::size_t limit = std::clamp(m.limit, 1u, 100u);
  job_id last;
  for (const auto& id : ids_in_order()) {
    const auto& e = jobs_.at(id);
    const auto& r = e.record;
    if (r.state != job_state::failed && r.state != job_state::dead_letter) continue;
    if (e.hidden || (m.after && id <= *m.after)) continue;
    if (page.jobs.size() == limit) {
      page.next = last;
      break;
    }
    last = id;
    if (!m.tenant.value.empty() && r.request.tenant != m.tenant) continue;
    if (m.cause != errc::ok && r.error != m.cause) continue;
    page.jobs.push_back({id, r.request.tenant, r.request.cls, r.request.params.model, r.state, r.error, r.error_message,
                         r.generation, r.attempts_used, id.created_at(), *r.finished_at});
  }
  lock.unlock();
  answer(reply, {std::move(page)});
}

void memory_ledger::inspect(inspect_job m, reply_to<job_inspection> reply) {
  std::unique_lock lock{mutex_};
  outcome<job_inspection, errc> result = failed{errc::not_found};
  if (auto* e = find({}, m.id)) {
    const auto skipped = e->events.size() - std::min(e->events.size(), inspected_events_max);
    result = job_inspection{e->record, {e->events.begin() + static_cast<std::ptrdiff_t>(skipped), e->events.end()}};
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::redrive(redrive_jobs m, reply_to<accept_answers> reply) {
  std::unique_lock lock{mutex_};
  outcome<accept_answers, errc> result = failed{errc::invalid_argument};
  const bool told_why = !m.reason.empty() && m.reason.size() <= redrive_reason_bytes_max;
  if (m.jobs.size() <= limits::accept_jobs_max && is_valid_name(m.by.value) && told_why) {
    accept_answers all;
    for (const auto& id : m.jobs) all.answers.push_back({redrive_one(id, m), id});
    result = std::move(all);
  }
  lock.unlock();
  answer(reply, std::move(result));
}

errc memory_ledger::redrive_one(const job_id& id, const redrive_jobs& m) {
  auto* e = find({}, id);
  if (!e) return errc::not_found;
  auto& r = e->record;
  if (r.state != job_state::failed && r.state != job_state::dead_letter) return errc::conflict;
  if (r.request.deadline && *r.request.deadline <= options_.now()) return errc::deadline_exceeded;
  if (unfinished_ids_.size() >= options_.limits.queued_jobs_max) return errc::queue_full;
  r.state = job_state::queued;
  ++r.version;
  ++r.generation;
  r.attempts_used = 0;
  r.error = errc::ok;
  r.error_message.clear();
  r.finished_at.reset();
  r.started_at.reset();
  r.batch = {};
  r.worker = {};
  r.batch_size = 0;
  r.served_model = {};
  r.degraded = false;
  r.degrade_reason.clear();
  r.recovery = {};
  ++unfinished_of(r.request);
  unfinished_ids_.insert(id);
  note(*e, {.kind = event_kind::redriven, .by = m.by, .reason = m.reason});
  return errc::ok;
}

// ---------------------------------------------------------------- webhooks

void memory_ledger::owe_webhook(const job_record& r) {
  if (r.request.webhook_url.empty() || !is_told(r.state)) return;
  const auto& id = r.request.id;
  owed o{{id,
          r.generation,
          r.request.tenant,
          {},
          outbox_body(id, r.generation, r.state, options_.now()),
          options_.now(),
          0},
         options_.now()};
  outbox_.emplace(std::pair{id, r.generation}, std::move(o));
}

void memory_ledger::outbox(read_outbox m, reply_to<std::vector<outbox_entry>> reply) {
  std::unique_lock lock{mutex_};
  std::vector<const owed*> due, misdated;
  for (const auto& [key, o] : outbox_) {
    if (o.due <= m.now) due.push_back(&o);
    if (o.due > m.now + m.ahead_max) misdated.push_back(&o);
  }
  for (auto* list : {&due, &misdated}) std::ranges::stable_sort(*list, {}, &owed::due);
  due.insert(due.end(), misdated.begin(), misdated.end());
  std::vector<outbox_entry> entries;
  for (const auto* o : due) {
    if (entries.size() == std::clamp<std::size_t>(m.limit, 1, 256)) break;
    entries.push_back(o->entry);
    if (const auto* e = find({}, o->entry.job)) entries.back().url = e->record.request.webhook_url;
  }
  lock.unlock();
  answer(reply, {std::move(entries)});
}

void memory_ledger::record(std::vector<delivery_result> m, reply_to<done> reply) {
  std::unique_lock lock{mutex_};
  for (const auto& r : m) {
    const auto found = outbox_.find({r.job, r.generation});
    if (found == outbox_.end()) continue;
    found->second.entry.tries = r.tries;
    found->second.due = r.due;
    if (r.state != delivery_state::waits) outbox_.erase(found);
  }
  lock.unlock();
  answer(reply, {done{}});
}

} // namespace reel
