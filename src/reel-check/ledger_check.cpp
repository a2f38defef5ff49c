#include "src/reel-check/ledger_check.hpp"

#include <algorithm>

namespace reel::check {

ledger_check::ledger_check(world& w)
    : w_{w}, quotas_{w}, cluster_{w}, order_{w, [this](name_index t, std::int64_t now) {
                                               return quotas_.was_full(t, now);
                                             }} {}

void ledger_check::violated(invariant i, const event& e, const std::string& what, line_ref before) {
  w_.found.violated(i, job_of(e) + " " + what, {before, e.at});
}

void ledger_check::on(const event& e) {
  if (!order_.is_part(e)) order_.judge_batch();
  switch (e.what) {
  case op::leader: return cluster_.on_leader(e);
  case op::member: return cluster_.on_member(e);
  case op::worker: return cluster_.on_worker(e);
  case op::breaker: return cluster_.on_breaker(e);
  case op::overload: return cluster_.on_overload(e);
  case op::limits: return quotas_.on_limits(e);
  case op::accept: return on_accept(e);
  default: return on_job_line(e);
  }
}

void ledger_check::finish() {
  order_.judge_batch();
  cluster_.finish();
}

void ledger_check::on_job_line(const event& e) {
  auto* row = w_.jobs.find(digest_of(e.text(field::job)));
  if (!row) return violated(invariant::i4, e, "has a line though it was never accepted", {});
  advance(*row, e);
  switch (e.what) {
  case op::grant: return on_grant(*row, e);
  case op::progress: return on_progress(*row, e);
  case op::cancel_request: row->cancel_requested = e.at; return;
  case op::release: return on_release(*row, e);
  case op::commit: return on_commit(*row, e);
  case op::end: return on_end(*row, e);
  case op::redrive: return on_redrive(*row, e);
  case op::reprioritise: return on_reprioritise(*row, e);
  case op::remove: row->removed = true; return order_.stopped(*row);
  case op::refuse: return w_.found.checked(invariant::i6); // the fence did its work
  default: return;
  }
}

/// What holds for every line of a job.
void ledger_check::advance(job_row& row, const event& e) {
  if (e.has(field::tenant)) {
    w_.found.checked(invariant::i15);
    if (e.text(field::tenant) != w_.known.text_of(row.tenant))
      violated(invariant::i15, e, "of " + w_.known.text_of(row.tenant) + " has a line of another tenant", row.accepted);
  }
  if (!e.has(field::version)) return;
  w_.found.checked(invariant::i5);
  if (e.number(field::version) != row.version + 1)
    violated(invariant::i5, e, "goes from version " + text_of(row.version) + " to " + text_of(e.number(field::version)),
             std::max({row.accepted, row.granted, row.ended, row.cancel_requested}));
  if (e.what != op::redrive && e.number(field::gen, row.gen) != row.gen)
    violated(invariant::i5, e, "has a line of another generation", row.accepted);
  row.version = static_cast<std::uint32_t>(e.number(field::version));
}

void ledger_check::on_accept(const event& e) {
  w_.found.checked(invariant::i5);
  auto id = digest_of(e.text(field::job));
  if (auto* row = w_.jobs.find(id)) return violated(invariant::i5, e, "was accepted twice", row->accepted);
  auto& row = w_.jobs.add(id);
  fill(row, e);
  if (row.version != 1) violated(invariant::i5, e, "does not begin with version 1", {});
  auto key = digest_of(e.text(field::tenant), e.text(field::idem_key));
  if (const auto* other = w_.jobs.find_key(key))
    violated(invariant::i4, e, "is a second job of one idempotency key", other->accepted);
  else
    w_.jobs.set_key(row, key);
  quotas_.accepted(row, e);
  order_.waits(row);
}

void ledger_check::fill(job_row& row, const event& e) {
  row.payload = digest_of(e.text(field::payload_sha));
  row.tenant = w_.known.of(e.text(field::tenant));
  row.model = w_.known.of(e.text(field::model));
  row.shape = w_.known.of(e.text(field::shape));
  row.cls = e.choice<job_class>(field::cls);
  row.allow_degraded = e.flag(field::allow_degraded);
  row.has_deadline = e.has(field::deadline_ns);
  row.push = e.flag(field::push);
  row.version = static_cast<std::uint32_t>(e.number(field::version));
  row.accepted = e.at;
  row.accepted_at = row.waiting_since = e.time;
  row.in_ledger = true;
}

void ledger_check::judge_grant(const job_row& row, const event& e) {
  w_.found.checked(invariant::i9);
  w_.found.checked(invariant::i10);
  if (row.now == state::leased)
    violated(invariant::i10, e, "was granted again before its execution had ended", row.granted);
  else if (is_terminal(row.now))
    violated(invariant::i5, e, "was granted after its end", row.ended);
  if (row.cancel_requested) violated(invariant::i7, e, "was granted after its cancellation", row.cancel_requested);
  if (e.number(field::fence) <= row.fence) violated(invariant::i5, e, "was granted without a new fence", row.granted);
  if (row.grants >= w_.limits.grants_max)
    violated(invariant::i9, e, "was granted more than " + text_of(w_.limits.grants_max) + " times", row.accepted);
}

void ledger_check::on_grant(job_row& row, const event& e) {
  judge_grant(row, e);
  cluster_.granted(row, e);
  if (row.now != state::leased) quotas_.granted(row, e);
  row.granted = e.at;
  row.granted_at = e.time;
  row.granted_version = row.version;
  row.fence = std::max(row.fence, static_cast<std::uint32_t>(e.number(field::fence)));
  row.degraded = e.flag(field::degraded);
  row.fell_back |= row.degraded;
  ++row.grants;
  row.now = state::leased;
  order_.stopped(row);
  if (cluster_.is_closed(row.model)) order_.granted(row, e);
}

/// I6: whoever writes has to hold the job's newest fence.
bool ledger_check::is_stale(const job_row& row, const event& e) {
  if (!e.has(field::fence)) return false;
  w_.found.checked(invariant::i6);
  if (e.number(field::fence) == row.fence) return false;
  violated(invariant::i6, e,
           "took a line under fence " + text_of(e.number(field::fence)) + "; its fence is " + text_of(row.fence),
           row.granted);
  return true;
}

void ledger_check::on_progress(job_row& row, const event& e) { is_stale(row, e); }

namespace {

/// What the cluster's stores, leases and devices do passes, whatever the prompt is.
bool is_trouble_of_cluster(std::string_view cause) {
  return cause == "stalled" || cause == "lease_expired" || cause == "unavailable" || cause == "no_space" ||
         cause == "corrupt";
}

} // namespace

/// I9. An execution that the rules do not count is only a grant.
void ledger_check::execution_over(job_row& row, const event& e, bool counted) {
  if (row.now == state::leased) quotas_.attempt_over(row, e);
  cluster_.worked(e);
  if (!counted) return;
  ++row.executions;
  row.troubled += is_trouble_of_cluster(e.text(field::cause)) ? 1 : 0;
  w_.found.checked(invariant::i9);
  bool poison = e.what == op::end && e.text(field::cause) == "poison";
  auto most = row.fell_back ? w_.limits.executions_fallback_max : w_.limits.executions_max;
  if (poison) most = std::min(most, w_.limits.poison_executions_max + row.troubled);
  if (row.executions > most)
    w_.found.violated(invariant::i9,
                      job_of(e) + " was executed " + text_of(row.executions) + " times; the bound is " + text_of(most),
                      {row.accepted, row.granted, e.at});
}

/// I10: until its time is over a lease is nobody else's, whatever a wall clock says. One that is not counted was taken
/// back before anybody ran.
void ledger_check::judge_lease(const job_row& row, const event& e) {
  if (w_.limits.lease_min == 0s || e.text(field::cause) != "lease_expired" || !e.flag(field::counted)) return;
  w_.found.checked(invariant::i10);
  if (e.time - row.granted_at >= w_.limits.lease_min.count()) return;
  violated(invariant::i10, e,
           "lost its lease " + text_of((e.time - row.granted_at) / 1'000'000) + " ms after the grant, before its time",
           row.granted);
}

void ledger_check::on_release(job_row& row, const event& e) {
  bool stale = is_stale(row, e);
  if (!stale && row.now == state::leased) judge_lease(row, e);
  if (!stale && row.now != state::leased)
    violated(invariant::i5, e, "was released though it did not run", std::max(row.granted, row.ended));
  execution_over(row, e, e.flag(field::counted));
  const auto cause = e.text(field::cause);
  if (cause == "preempted" && row.grants > 0) --row.grants; // it made room: that is no reason to give it up
  const bool in_smaller_batches = cause == "crashed" || cause == "resource";
  row.failed_before |= e.flag(field::counted) || in_smaller_batches;
  row.lacked_memory |= cause == "resource";
  row.ended = e.at;
  row.ended_at = e.time;
  auto not_before = e.number(field::not_before_ns) + w_.log.source_of(e.at).offset_ns;
  row.waiting_since = std::max(e.time, e.has(field::not_before_ns) ? not_before : e.time);
  row.now = state::retry_wait;
  order_.waits(row);
}

void ledger_check::end_as(job_row& row, const event& e, state s) {
  row.ended = e.at;
  row.ended_at = e.time;
  row.now = s;
  order_.stopped(row);
}

void ledger_check::judge_commit(const job_row& row, const event& e) {
  if (is_stale(row, e)) return;
  if (row.now == state::cancelled || row.cancel_requested)
    violated(invariant::i7, e, "was committed after its cancellation",
             row.cancel_requested ? row.cancel_requested : row.ended);
  else if (row.now != state::leased)
    violated(invariant::i5, e, "was committed while it was " + std::string{to_string(row.now)}, row.ended);
}

void ledger_check::on_commit(job_row& row, const event& e) {
  w_.found.checked(invariant::i2);
  w_.found.checked(invariant::i15);
  auto folder = "t/" + w_.known.text_of(row.tenant) + "/";
  if (!e.text(field::result_key).starts_with(folder))
    violated(invariant::i15, e, "has its result outside of its tenant's folder " + folder, row.accepted);
  if (row.now == state::succeeded) {
    is_stale(row, e);
    return violated(invariant::i2, e, "was committed twice", row.ended);
  }
  judge_commit(row, e);
  execution_over(row, e, true);
  quotas_.committed(row, e);
  row.result = digest_of(e.text(field::result_sha));
  end_as(row, e, state::succeeded);
}

void ledger_check::on_end(job_row& row, const event& e) {
  if (is_terminal(row.now)) violated(invariant::i5, e, "ended twice", row.ended);
  bool ran = row.now == state::leased;
  is_stale(row, e);
  execution_over(row, e, e.flag(field::counted, ran));
  if (e.text(field::cause) == "poison") w_.poison.insert(row.payload);
  end_as(row, e, e.choice<state>(field::state));
}

/// It waits anew in its new class, so that nobody is blamed for an order that nobody asked for.
void ledger_check::on_reprioritise(job_row& row, const event& e) {
  if (row.now != state::queued && row.now != state::retry_wait)
    violated(invariant::i5, e, "changed its class though it did not wait", std::max(row.granted, row.ended));
  row.waiting_since = std::max(e.time, row.waiting_since + 1);
  order_.stopped(row); // out of the queue that it was in, before it is in another
  row.cls = e.choice<job_class>(field::cls);
  order_.waits(row);
}

void ledger_check::on_redrive(job_row& row, const event& e) {
  if (!is_terminal(row.now)) violated(invariant::i5, e, "was redriven before its end", row.granted);
  if (e.number(field::gen) != row.gen + 1) violated(invariant::i5, e, "skips a generation", row.ended);
  row.gen = static_cast<std::uint32_t>(e.number(field::gen));
  row.executions = row.grants = row.troubled = 0;
  row.fell_back = row.degraded = row.lacked_memory = row.failed_before = false;
  row.cancel_requested = {};
  row.result = {};
  row.waiting_since = e.time;
  row.now = state::queued;
  order_.waits(row);
}

} // namespace reel::check
