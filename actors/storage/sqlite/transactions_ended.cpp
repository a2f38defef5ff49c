// The part of the ledger's writing half that gives jobs another life after their end, keeps how their webhooks went,
// and what happened to the cluster beside its jobs.
#include "actors/storage/sqlite/transactions.hpp"
#include "runtime/limits.hpp"

namespace reel::sqlite {

outcome<accept_answers, errc> transactions::run(const redrive_jobs& m) {
  if (m.jobs.size() > limits::accept_jobs_max || !is_valid_name(m.by.value) || m.reason.empty() ||
      m.reason.size() > redrive_reason_bytes_max)
    return failed{errc::invalid_argument};
  accept_answers all;
  all.answers.reserve(m.jobs.size());
  for (const auto& id : m.jobs) all.answers.push_back(redrive_one(id, m));
  return all;
}

accept_answer transactions::redrive_one(const job_id& id, const redrive_jobs& m) {
  const auto row = find_visible({}, id);
  if (!row) return {row.error(), id};
  if (!may_redrive(row->now)) return {errc::conflict, id};
  if (row->deadline && *row->deadline <= now_) return {errc::deadline_exceeded, id};
  if (!space_.for_accepting) return {errc::no_space, id};
  if (admission_.check(*row->tenant, row->cls) == errc::queue_full) return {errc::queue_full, id};
  if (row->has_recovery) recovery_.remove(row->no);
  tables_.redrive(*row, m, next_event(event_kind::redriven, job_state::queued, *row), now_);
  admission_.accepted(*row->tenant, row->cls);
  if (row->quota)
    quotas_.change(*tenants_.number_of(*row->tenant), row->quota->day, row->cls, reserved(row->quota->gpu_ms));
  return {errc::ok, id};
}

outcome<done, errc> transactions::run(const std::vector<delivery_result>& m) {
  for (const auto& one : m) tables_.record(one);
  return done{};
}

outcome<done, errc> transactions::run(const note_cluster& m) {
  if (m.notes.size() > notes_max) return failed{errc::invalid_argument};
  if (m.term == 0 || m.term != last_.term) return failed{errc::not_leader};
  for (const auto& n : m.notes)
    if (n.job.is_nil() || tables_.job_exists(n.job)) add_note(n);
  return done{};
}

outcome<action_noted, errc> transactions::run(const note_action& m) {
  if (m.number == 0) return action_noted{audit_.begin(m, now_)};
  if (!audit_.end(m)) return failed{errc::not_found};
  return action_noted{m.number};
}

void transactions::add_note(const cluster_note& n) { tables_.insert_note(n, ++last_.position, mono_ns_, now_); }

/// Repeated ends of what has ended come here too: they are refused as well.
void transactions::note_refused(const job_outcome& outcome) {
  add_note({note_kind::refused, note_state::up, {}, {}, outcome.id, outcome.fence});
}

} // namespace reel::sqlite
