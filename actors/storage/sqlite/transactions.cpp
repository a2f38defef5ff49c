#include "actors/storage/sqlite/transactions.hpp"

#include <algorithm>

#include "actors/storage/request_codec.hpp"
#include "actors/storage/short_text.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel::sqlite {

namespace {

std::optional<wall_time> saved_key_time(writer_tables& tables) {
  if (const auto ms = tables.find_counter("key_ms")) return time_from(ms);
  return {};
}

} // namespace

transactions::transactions(connection& db, const admission_limits& limits, const key_options& keys, std::string clock)
    : db_{db}, tables_{db}, admission_{limits}, quotas_{[this](std::int64_t tenant_no, std::int32_t day) {
        return tables_.find_usage(tenant_no, day);
      }},
      estimates_{limits.gpu_estimate}, keys_kept_{keys.kept},
      key_clock_{saved_key_time(tables_), keys.gap_max, keys.wall_at_start, keys.steady_at_start}, clock_{std::move(
                                                                                                       clock)} {
  restore_tenants();
  const auto found = tables_.find_last_numbers();
  last_ = committed_ = {found.job, found.batch, found.position, found.term};
}

/// Jobs of a tenant that is not there count for nobody: they can neither run nor end.
void transactions::restore_tenants() {
  for (const auto& [no, tenant] : tables_.all_tenants())
    if (!tenants_.restore(no, tenant)) log::error("a tenant's row is damaged: not used", {{"no", no}});
  for (const auto& [no, jobs] : tables_.count_unfinished()) {
    if (const auto* tenant = tenants_.find(no))
      admission_.restore(*tenant, jobs);
    else
      log::error("unfinished jobs of an unknown tenant: quarantined",
                 {{"no", no}, {"jobs", jobs[0] + jobs[1] + jobs[2] + jobs[3]}});
  }
}

void transactions::begin(wall_time now, instant steady, space_left space) {
  now_ = now;
  mono_ns_ = std::chrono::nanoseconds{steady.time_since_epoch()}.count();
  key_now_ = key_clock_.read(steady);
  steady_now_ = steady;
  space_ = space;
  db_.run("BEGIN IMMEDIATE");
}

void transactions::commit() {
  const bool has_events = last_.position != committed_.position;
  if (has_events) tables_.save_counter("position", last_.position);
  if (has_events && !clock_noted_) tables_.note_clock(committed_.position + 1, clock_);
  for (const auto& [at, by] : quotas_.changes()) tables_.change_usage(at, by);
  forget_old_keys();
  forget_old_days();
  db_.run("COMMIT");
  clock_noted_ |= has_events;
  committed_ = last_;
  committed_ends_ = ends_;
  tenants_.keep_changes();
  admission_.keep_changes();
  quotas_.keep_changes();
  for (auto [kind, gpu_ms] : measured_) estimates_.measured(kind, gpu_ms);
  measured_.clear();
}

void transactions::rollback() {
  if (db_.in_transaction()) sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
  last_ = committed_;
  ends_ = committed_ends_;
  tenants_.undo_changes();
  admission_.undo_changes();
  quotas_.undo_changes();
  measured_.clear();
}

// ---------------------------------------------------------------- cancelling

outcome<cancel_answer, errc> transactions::run(const cancel_job& m) {
  auto row = find_visible(m.tenant, m.id);
  if (!row) return failed{row.error()};
  switch (decide_cancel(row->now)) {
  case cancel_step::end_now: cancel_now(*row); break;
  case cancel_step::mark: mark_cancelled(*row); break;
  case cancel_step::nothing: break;
  case cancel_step::refuse: return failed{errc::conflict};
  }
  return cancel_answer{row->now.state, row->now.state == job_state::leased};
}

outcome<delete_answer, errc> transactions::run(const delete_job& m) {
  auto row = find_visible(m.tenant, m.id);
  if (!row) return failed{row.error()};
  switch (decide_cancel(row->now)) {
  case cancel_step::end_now: cancel_now(*row); break;
  case cancel_step::mark: mark_cancelled(*row); break;
  default: break;
  }
  tables_.hide(*row, next_event(event_kind::removed, row->now.state, *row), now_);

  delete_answer answer;
  answer.stopping = row->now.state == job_state::leased;
  if (row->now.state != job_state::succeeded) return answer;
  if (auto result = tables_.find_result(row->no, row->generation)) {
    const auto prefix = object_prefix(*row->tenant, row->id, row->generation, result->fence);
    for (auto [kind, object] : {std::pair{artifact::video, result->video}, {artifact::thumbnail, result->thumbnail}})
      if (object.size_bytes > 0) answer.object_keys.push_back(make_object_key(prefix, kind, object.sha256));
  }
  return answer;
}

void transactions::cancel_now(job_row& row) {
  ending how{job_state::cancelled, errc::cancelled, {}, row.attempts_used, row.gpu_ms, {}};
  auto e = next_event(event_kind::ended, how.to, row);
  e.cause = errc::cancelled;
  finish(row, how, e);
  row.now.state = how.to;
  ++row.version;
}

void transactions::mark_cancelled(job_row& row) {
  tables_.mark_cancelled(row, next_event(event_kind::cancel_requested, row.now.state, row), now_);
  row.now.cancel_requested = true;
  ++row.version;
}

// ---------------------------------------------------------------- changing the order

outcome<reprioritise_answer, errc> transactions::run(const reprioritise_job& m) {
  const auto row = find_visible(m.tenant, m.id);
  if (!row) return failed{row.error()};
  if (!may_grant(row->now)) return reprioritise_answer{errc::conflict, row->now.state, row->cls, row->cls};
  if (m.to == row->cls) return reprioritise_answer{errc::ok, row->now.state, row->cls, m.to};
  if (!move_quota(*row, m.to)) return reprioritise_answer{errc::quota_exceeded, row->now.state, row->cls, m.to};
  auto e = next_event(event_kind::reprioritised, row->now.state, *row);
  e.cls = m.to;
  tables_.reprioritise(*row, m.to, e, now_);
  return reprioritise_answer{errc::ok, row->now.state, row->cls, m.to};
}

outcome<pause_list, errc> transactions::run(const set_pause& m) {
  if (!is_sound(m)) return failed{errc::invalid_argument};
  if (!m.paused) tables_.delete_pause(m);
  const auto now = tables_.all_pauses();
  if (!m.paused || is_there(now, m)) return now;
  if (now.all.size() + now.drained.size() >= limits::pauses_max) return failed{errc::queue_full};
  tables_.insert_pause(m, now_);
  return tables_.all_pauses();
}

// ---------------------------------------------------------------- leading, granting

outcome<leadership, errc> transactions::run(const take_leadership& m) {
  tables_.insert_leader(last_.term + 1, m, ++last_.position, mono_ns_, now_);
  return leadership{++last_.term};
}

outcome<grant_answer, errc> transactions::run(const grant_batch& m) {
  if (m.jobs.size() > limits::batch_jobs_max) return failed{errc::invalid_argument};
  if (m.term == 0 || m.term != last_.term) return failed{errc::not_leader};
  if (!space_.for_granting) return failed{errc::no_space};

  grant_answer answer;
  if (tables_.find_batch(m.batch) != 0) { // a batch is granted once: this is a repetition
    answer.jobs.resize(m.jobs.size(), granted_job{errc::stale});
    return answer;
  }
  batch_row batch{last_.batch + 1, m.batch, m.term, m.worker, m.served_model};
  answer.jobs.reserve(m.jobs.size());
  for (const auto& id : m.jobs) {
    answer.jobs.push_back(grant_one(id, batch, m));
    if (answer.jobs.back().code == errc::ok) ++batch.jobs;
  }
  if (batch.jobs == 0) return answer;
  tables_.insert_batch(batch, now_);
  ++last_.batch;
  return answer;
}

granted_job transactions::grant_one(const job_id& id, const batch_row& batch, const grant_batch& m) {
  const auto row = tables_.find_job(id, tenants_);
  if (!row) return {errc::stale};
  if (!row->sound) return {report_damaged(*row)};
  if (!may_grant(row->now)) return {errc::stale};
  auto request = find_request(*row);
  if (!request) {
    if (request.error() == errc::corrupt) bury_damaged(*row);
    return {request.error()};
  }
  request->cls = row->cls;
  const auto mark = row->has_recovery ? recovery_.find(row->no) : recovery_mark{};
  auto decision = decide_grant(*request, mark, m, recovery_.is_poison(request->payload_sha256, m.served_model, now_));
  if (decision.mark != mark) recovery_.save(row->no, decision.mark);
  if (decision.answer != errc::ok) return {decision.answer};
  auto e = next_event(event_kind::granted, job_state::leased, *row);
  e.batch_no = batch.no;
  if (m.served_model != request->params.model) e.degraded = decision.mark.degraded;
  tables_.grant(*row, e, now_);
  if (row->has_saved_run && decision.changes_model) tables_.remove_saved_run(row->no); // the sweeper finds it
  auto saved = row->has_saved_run ? tables_.find_saved_run(row->no) : saved_run{};
  if (!saved.is_none()) tables_.insert_resumed(*row, saved.steps);
  return {errc::ok,         row->generation,         row->now.fence + 1, row->attempts_used, *std::move(request),
          std::move(saved), std::move(decision.mark)};
}

/// What was accepted under this row. errc::unsupported when a newer version of this program wrote it: that one will
/// run it.
outcome<job_request, errc> transactions::find_request(const job_row& row) {
  const auto body = tables_.find_request(row.no);
  if (!body) return failed{errc::corrupt};
  auto request = stored::decode_request(*body);
  if (request && (request->id != row.id || request->tenant != *row.tenant)) return failed{errc::corrupt};
  return request;
}

errc transactions::report_damaged(const job_row& row) {
  log::error("a job's row is damaged: not used", {{"job", to_string(row.id)}});
  return errc::corrupt;
}

/// Never guess what the client may have asked for.
void transactions::bury_damaged(const job_row& row) {
  log::error("stored request is damaged: job quarantined", {{"job", to_string(row.id)}});
  ending how{job_state::dead_letter, errc::corrupt, "the stored request is damaged", row.attempts_used, row.gpu_ms, {}};
  auto e = next_event(event_kind::ended, how.to, row);
  e.cause = errc::corrupt;
  finish(row, how, e);
}

// ---------------------------------------------------------------- ending

outcome<end_answer, errc> transactions::run(const end_batch& m) {
  if (m.outcomes.size() > limits::batch_jobs_max) return failed{errc::invalid_argument};
  if (m.term == 0 || m.term != last_.term) return failed{errc::not_leader};
  const auto batch_no = tables_.find_batch(m.batch);
  end_answer answer;
  answer.codes.reserve(m.outcomes.size());
  answer.saved_steps.resize(m.outcomes.size());
  let_go_.clear();
  for (std::size_t i = 0; i < m.outcomes.size(); ++i)
    answer.codes.push_back(end_one(m.outcomes[i], batch_no, answer.saved_steps[i]));
  answer.released = take_released();
  return answer;
}

errc transactions::end_one(const job_outcome& outcome, std::int64_t batch_no, std::int32_t& saved_steps) {
  auto row = tables_.find_job(outcome.id, tenants_);
  if (!row) return errc::stale;
  if (!row->sound) return report_damaged(*row);
  const auto decision = decide_end(row->now, batch_no != 0 && row->batch_no == batch_no, outcome);
  if (decision.answer == errc::stale) {
    note_refused(outcome);
    return errc::stale;
  }
  row->now.fence = outcome.fence; // equal here, or the log and the result's key are to show that it was not

  const auto how = ending{decision.to,
                          decision.error,
                          shortened(outcome.message, error_message_bytes_max),
                          row->attempts_used + (outcome.counted ? 1u : 0u),
                          row->gpu_ms + outcome.gpu_ms,
                          outcome.not_before};
  auto e = next_event(event_kind::ended, how.to, *row);
  e.cause = decision.answer == errc::ok && outcome.cause != errc::ok ? outcome.cause : decision.error;
  e.counted = outcome.counted;
  e.gpu_ms = outcome.gpu_ms;

  learn(*row, outcome, how.to);
  note_let_go(*row);
  if (outcome.times != stage_times{}) tables_.insert_times(*row, outcome.times);
  if (how.to == job_state::retry_wait) {
    e.not_before = how.not_before;
    tables_.retry(*row, how, e, now_);
    saved_steps = keep_saved_run(*row, outcome);
    return decision.answer;
  }
  finish(*row, how, e);
  if (how.to == job_state::succeeded)
    tables_.insert_result({row->no, row->generation, row->now.fence, outcome.video, outcome.thumbnail});
  return decision.answer;
}

/// The job's row, its place in the queue and what it holds of its tenant's day, together.
void transactions::finish(const job_row& row, const ending& how, const event_row& e) {
  tables_.finish(row, how, e, now_);
  admission_.ended(*row.tenant, row.cls);
  ends_.ended(steady_now_);
  if (row.has_webhook && is_told(how.to))
    tables_.insert_delivery(row, outbox_body(row.id, row.generation, how.to, now_), now_);
  const bool succeeded = how.to == job_state::succeeded;
  const auto mark = row.has_recovery ? recovery_.find(row.no) : recovery_mark{};
  if (row.has_recovery && !outlives_end(mark, how.to)) recovery_.remove(row.no);
  if (succeeded && mark.degraded == degrade_reason::none) measured_.emplace_back(row.kind, e.gpu_ms);
  if (!row.quota) return;
  const auto change = succeeded ? settled(*row.quota, e.gpu_ms) : refunded(*row.quota);
  quotas_.change(*tenants_.number_of(*row.tenant), row.quota->day, row.cls, change);
}

/// What this execution says about the job, and about others with its content.
void transactions::learn(const job_row& row, const job_outcome& outcome, job_state to) {
  const bool is_dead = to == job_state::dead_letter;
  if ((is_dead || to == job_state::retry_wait) && outcome.recovery) recovery_.save(row.no, *outcome.recovery);
  const bool was_canary = to == job_state::succeeded && row.has_recovery && recovery_.find(row.no).canary;
  if (!was_canary && !(is_dead && outcome.cause == errc::poison)) return;
  const auto request = find_request(row);
  if (!request) return;
  const auto model = tables_.served_model(row.batch_no);
  if (was_canary)
    recovery_.delete_poison(request->payload_sha256, model);
  else
    recovery_.insert_poison(request->payload_sha256, model, now_);
}

outcome<breaker_overrides, errc> transactions::run(const set_breaker& m) {
  if (!is_valid_name(m.model.value) || !is_valid_name(m.by.value) || m.device.size() > limits::device_bytes_max)
    return failed{errc::invalid_argument};
  if (m.order == breaker_order::reset) {
    recovery_.delete_breaker(m.model, m.device);
    return recovery_.all_breakers();
  }
  const auto same = [&m](const breaker_override& o) { return o.model == m.model && o.device == m.device; };
  const auto now = recovery_.all_breakers();
  if (now.all.size() >= limits::breakers_max && std::ranges::none_of(now.all, same)) return failed{errc::queue_full};
  recovery_.insert_breaker(m, now_);
  return recovery_.all_breakers();
}

// ---------------------------------------------------------------- shared

outcome<job_row, errc> transactions::find_visible(const tenant_id& tenant, const job_id& id) {
  auto row = tables_.find_job(id, tenants_);
  if (!row || row->hidden) return failed{errc::not_found};
  if (!tenant.value.empty() && (!row->tenant || *row->tenant != tenant)) return failed{errc::not_found};
  if (!row->sound) return failed{report_damaged(*row)};
  return *row;
}

std::int64_t transactions::tenant_number(const tenant_id& tenant) {
  if (const auto known = tenants_.number_of(tenant)) return *known;
  const auto no = tenants_.add(tenant);
  tables_.insert_tenant(no, tenant);
  return no;
}

event_row transactions::next_event(event_kind kind, job_state to, const job_row& row) {
  event_row e{kind, to, ++last_.position, row.batch_no};
  e.mono_ns = mono_ns_;
  return e;
}

} // namespace reel::sqlite
