// The part of the memory ledger that looks at jobs after their end: their events, another life.
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

// ---------------------------------------------------------------- dead letters

void memory_ledger::dead(read_dead m, reply_to<dead_page> reply) {
  std::unique_lock lock{mutex_};
  dead_page page;
  const std::size_t limit = std::clamp(m.limit, 1u, 100u);
  job_id last;
  for (const auto& [id, e] : jobs_) {
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
  if (unfinished_total_ >= options_.limits.queued_jobs_max) return errc::queue_full;
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
  ++unfinished_[{r.request.tenant, r.request.cls}];
  ++unfinished_total_;
  note(*e, {.kind = event_kind::redriven, .by = m.by, .reason = m.reason});
  return errc::ok;
}

} // namespace reel
