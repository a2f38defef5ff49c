// ledger_rules.hpp: What may happen to a job, as pure decisions on the row as it is
// (reliability.md 2.2, 2.4, 2.5). Every back end of the ledger asks here and then writes under the condition
// that the row is still the same.
//
//   queued, retry_wait -> leased -> succeeded | failed | cancelled | dead_letter | retry_wait
//   queued, retry_wait -> cancelled (at once), dead_letter (its request does not read back)
//   failed, dead_letter -> queued (redriven by an operator, in the next generation)
//
// A cancel request is a mark on a leased row: from then on every end of that execution is `cancelled`.
#pragma once

#include "messages/dead_letters.hpp"
#include "messages/worker.hpp"

namespace reel {

/// The part of a row that decisions depend on.
struct row_state {
  job_state state = job_state::queued;
  std::uint32_t fence = 0;
  bool cancel_requested = false;
  bool operator==(const row_state&) const = default;
};

/// As long as this may be, its class may change too.
constexpr bool may_grant(const row_state& row) {
  return (row.state == job_state::queued || row.state == job_state::retry_wait) && !row.cancel_requested;
}

/// How long a content that was poison is remembered.
inline constexpr std::chrono::hours poison_kept{24};

struct grant_decision {
  errc answer = errc::ok;     ///< stale: nothing happens but that the mark is kept
  recovery_mark mark;         ///< of the job from then on
  bool changes_model = false; ///< a saved run is of no use
};

/// Who asked for one model is served by another only where that may be and for a reason, which stays with the job.
/// `is_poison`: a job with the same content was, on this model.
inline grant_decision decide_grant(const job_request& request, recovery_mark mark, const grant_batch& m,
                                   bool is_poison) {
  if (is_poison && !mark.canary) {
    mark.canary = true;
    mark.batch_cap = 1;
    return {errc::stale, std::move(mark)};
  }
  if (m.served_model == request.params.model) return {errc::ok, std::move(mark)};
  const auto reason = mark.degraded == degrade_reason::none ? m.degrade : mark.degraded;
  if (!request.allow_degraded || reason == degrade_reason::none) return {errc::stale, std::move(mark)};
  const bool changes = mark.degraded == degrade_reason::none;
  mark.degraded = reason;
  return {errc::ok, std::move(mark), changes};
}

/// Whether the mark says something that is asked for after the job's end: why it was degraded, or what killed it.
inline bool outlives_end(const recovery_mark& mark, job_state end) {
  return mark.degraded != degrade_reason::none || end == job_state::dead_letter;
}

/// An operator may give it another life: a new generation.
constexpr bool may_redrive(const row_state& row) {
  return row.state == job_state::failed || row.state == job_state::dead_letter;
}

enum class cancel_step { end_now, mark, nothing, refuse };
constexpr cancel_step decide_cancel(const row_state& row) {
  if (row.state == job_state::cancelled) return cancel_step::nothing;
  if (is_terminal(row.state)) return cancel_step::refuse;
  if (row.state != job_state::leased) return cancel_step::end_now;
  return row.cancel_requested ? cancel_step::nothing : cancel_step::mark;
}

struct end_decision {
  errc answer = errc::ok; ///< stale: nothing happens
  job_state to = job_state::failed;
  errc error = errc::ok; ///< what the row says from then on
};

constexpr job_state state_after(verdict how) {
  switch (how) {
  case verdict::succeeded: return job_state::succeeded;
  case verdict::retry: return job_state::retry_wait;
  case verdict::cancelled: return job_state::cancelled;
  case verdict::dead_letter: return job_state::dead_letter;
  case verdict::failed: break;
  }
  return job_state::failed;
}

/// `same_batch`: the row's latest grant is the batch that ends.
constexpr end_decision decide_end(const row_state& row, bool same_batch, const job_outcome& outcome) {
  if (row.state != job_state::leased || row.fence != outcome.fence || !same_batch) return {errc::stale};
  if (row.cancel_requested && outcome.how != verdict::cancelled)
    return {errc::cancelled, job_state::cancelled, errc::cancelled};
  switch (auto to = state_after(outcome.how); to) {
  case job_state::succeeded:
  case job_state::retry_wait: return {errc::ok, to, errc::ok};
  case job_state::cancelled: return {errc::ok, to, outcome.cause == errc::ok ? errc::cancelled : outcome.cause};
  default: return {errc::ok, to, outcome.cause == errc::ok ? errc::internal : outcome.cause};
  }
}

/// Of a saved run under a key that no worker makes nothing is kept.
inline bool is_saved_run_key(std::string_view key) {
  auto parts = parse_object_key(key);
  return parts && parts->kind == artifact::saved_run;
}

/// What a running job has kept becomes its own only while that execution is the latest and goes on.
inline bool may_save(const row_state& row, bool same_batch, const saved_job& job) {
  return row.state == job_state::leased && !row.cancel_requested && row.fence == job.fence && same_batch &&
         is_saved_run_key(job.saved.key);
}

/// What an end that leads to retry_wait makes of the saved run in the row; every other end removes it.
enum class saved_step { keep, replace, remove };
inline saved_step decide_saved(const job_outcome& outcome) {
  if (is_saved_run_key(outcome.saved.key)) return saved_step::replace;
  return outcome.forget_saved ? saved_step::remove : saved_step::keep;
}

} // namespace reel
