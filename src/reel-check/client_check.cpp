#include "src/reel-check/client_check.hpp"

namespace reel::check {

namespace {

constexpr std::int64_t status_not_found = 404, status_conflict = 409;

std::string text_of(state s) { return std::string{to_string(s)}; }

} // namespace

void client_check::on(const event& e) {
  auto process = e.number(field::process);
  if (e.when == phase::invoke) return begin(e);
  auto found = open_.find(process);
  if (found == open_.end()) w_.log.refuse(e.at, "this process has no open operation");
  if (found->second.what != e.what) w_.log.refuse(e.at, "this process has another operation open");
  auto o = found->second;
  open_.erase(found);
  complete(o, e);
}

void client_check::begin(const event& e) {
  operation o{e.what, w_.known.of(e.text(field::tenant)), {}, {}, {}, moment_of(e)};
  if (e.what == op::submit) {
    o.key = digest_of(e.text(field::tenant), e.text(field::idem_key));
    o.payload = digest_of(e.text(field::payload_sha));
  } else
    o.job = digest_of(e.text(field::job));
  if (open_.size() >= processes_max) w_.log.refuse(e.at, "too many operations are open");
  if (!open_.emplace(e.number(field::process), o).second) w_.log.refuse(e.at, "this process has an open operation");
}

void client_check::on_file_end() {
  for (const auto& [process, o] : open_)
    if (o.what == op::submit) on_submit_unknown(o);
  open_.clear();
}

void client_check::complete(const operation& o, const event& e) {
  if (e.has(field::marker)) {
    w_.found.checked(invariant::i15);
    if (e.text(field::marker) != w_.known.text_of(o.tenant))
      w_.found.violated(invariant::i15, "an answer shows the marker of another tenant", {o.begun.at, e.at});
  }
  if (o.what == op::submit) {
    if (e.when == phase::ok) return on_submit_ok(o, e);
    return e.when == phase::fail ? on_submit_fail(o, e) : on_submit_unknown(o);
  }
  auto* row = w_.jobs.find(o.job);
  if (!row || e.when == phase::info) return;
  if (e.when == phase::ok) {
    judge_owner(o, e, *row);
    if (o.what == op::read) on_read_ok(o, e, *row);
    if (o.what == op::fetch) on_fetch_ok(o, e, *row);
    if (o.what == op::cancel) on_cancel_ok(o, e, *row);
  } else if (e.number(field::status) == status_not_found)
    on_not_found(o, e, *row);
  else if (o.what == op::cancel && e.number(field::status) == status_conflict)
    on_cancel_fail(o, e, *row);
}

void client_check::on_submit_ok(const operation& o, const event& e) {
  ++submits_;
  w_.found.checked(invariant::i4);
  auto id = digest_of(e.text(field::job));
  auto* row = w_.jobs.find(id);
  if (!row) {
    row = &w_.jobs.add(id); // whether it is lost is seen at the end
    row->tenant = o.tenant;
    row->payload = o.payload;
    row->key = o.key;
  }
  judge_owner(o, e, *row);
  if (row->tenant == o.tenant && row->key != o.key)
    w_.found.violated(invariant::i4, job_of(e) + " was the answer to two keys", {row->accepted, o.begun.at, e.at});
  else if (row->tenant == o.tenant && row->payload != o.payload)
    w_.found.violated(invariant::i4, job_of(e) + " has another body than was submitted",
                      {row->accepted, o.begun.at, e.at});
  row->promised = true;
  row->submitted = e.at;
}

/// A refusal binds: the job must not exist, unless another submit of the same key was accepted.
void client_check::on_submit_fail(const operation& o, const event& e) {
  ++submits_;
  auto* row = w_.jobs.find_key(o.key);
  if (row && !row->submitted) row->submitted = e.at;
}

void client_check::on_submit_unknown(const operation& o) {
  ++submits_, ++unknown_submits_;
  auto* row = w_.jobs.find_key(o.key);
  if (row && row->payload == o.payload) row->submit_open = true;
}

void client_check::judge_owner(const operation& o, const event& e, const job_row& row) {
  w_.found.checked(invariant::i15);
  if (row.tenant != o.tenant)
    w_.found.violated(invariant::i15,
                      "a job of " + w_.known.text_of(row.tenant) + " answered " + w_.known.text_of(o.tenant),
                      {row.accepted, o.begun.at, e.at});
}

/// I5 as a client sees it: a read that began after another had ended shows nothing older.
void client_check::judge_order(const operation& o, const event& e, job_row& row) {
  auto version = static_cast<std::uint32_t>(e.number(field::version));
  w_.found.checked(invariant::i5);
  if (row.read && version < row.read_version && w_.surely_before({row.read, row.read_at}, o.begun))
    w_.found.violated(invariant::i5,
                      "a job was seen at version " + text_of(row.read_version) + ", later at " + text_of(version),
                      {row.read, o.begun.at, e.at});
  if (row.read && version <= row.read_version) return;
  row.read = e.at;
  row.read_at = e.time;
  row.read_version = version;
}

void client_check::on_read_ok(const operation& o, const event& e, job_row& row) {
  if (e.has(field::version)) judge_order(o, e, row);
  auto seen = e.choice<state>(field::state);
  if (!is_terminal(seen) || !ledger_is_whole() || e.number(field::gen, row.gen) != row.gen || row.gen > 1) return;
  w_.found.checked(invariant::i5);
  if (row.now != seen) {
    w_.found.violated(invariant::i5, "a job was seen " + text_of(seen) + "; the ledger has it " + text_of(row.now),
                      {row.accepted, row.ended, o.begun.at, e.at});
    return;
  }
  if (e.has(field::degraded)) {
    w_.found.checked(invariant::i13);
    if (e.flag(field::degraded) != row.degraded)
      w_.found.violated(invariant::i13, "the client was told otherwise whether its job was degraded",
                        {row.granted, o.begun.at, e.at});
  }
  if (e.has(field::result_sha)) judge_result(o, e, row);
}

void client_check::on_fetch_ok(const operation& o, const event& e, job_row& row) {
  if (e.number(field::gen, row.gen) == row.gen && ledger_is_whole()) judge_result(o, e, row);
}

/// I2: what a client gets is what was committed; I16: and never anything else afterwards.
void client_check::judge_result(const operation& o, const event& e, job_row& row) {
  w_.found.checked(invariant::i16);
  if (row.result.is_nil())
    w_.found.violated(invariant::i2, "a result was handed out that was never committed",
                      {row.accepted, row.ended, o.begun.at, e.at});
  else if (digest_of(e.text(field::result_sha)) == row.result)
    row.answered = e.at;
  else if (row.answered)
    w_.found.violated(invariant::i16, "two answers of one job have different results",
                      {row.ended, row.answered, o.begun.at, e.at});
  else
    w_.found.violated(invariant::i2, "a client got another result than was committed", {row.ended, o.begun.at, e.at});
}

void client_check::on_cancel_ok(const operation& o, const event& e, job_row& row) {
  if (row.gen > 1) return; // an operator may have run it again since
  row.cancel_answered = true;
  w_.found.checked(invariant::i7);
  moment granted{row.granted, row.granted_at};
  bool later = e.has(field::version) ? row.granted_version > e.number(field::version)
                                     : row.granted && w_.surely_before(moment_of(e), granted);
  if (row.now == state::succeeded)
    w_.found.violated(invariant::i7, "a job succeeded though its cancellation was confirmed",
                      {row.accepted, row.granted, row.ended, o.begun.at, e.at});
  else if (later)
    w_.found.violated(invariant::i7, "a job was granted after its cancellation was confirmed",
                      {row.accepted, o.begun.at, e.at, row.granted});
}

/// "Too late" is only true of a job that has ended.
void client_check::on_cancel_fail(const operation& o, const event& e, const job_row& row) {
  if (row.gen > 1 || !ledger_is_whole()) return;
  w_.found.checked(invariant::i7);
  if (!is_terminal(row.now) || w_.surely_before(moment_of(e), {row.ended, row.ended_at}))
    w_.found.violated(invariant::i7, "a cancellation was refused as too late before the job had ended",
                      {row.accepted, row.granted, o.begun.at, e.at, row.ended});
}

/// Another tenant's job is rightly not found; an own one must not disappear.
void client_check::on_not_found(const operation& o, const event& e, const job_row& row) {
  if (row.tenant != o.tenant) return w_.found.checked(invariant::i15);
  if (!row.in_ledger || row.removed || !ledger_is_whole()) return;
  if (!w_.surely_before({row.accepted, row.accepted_at}, o.begun)) return;
  if (o.what != op::fetch) {
    w_.found.checked(invariant::i1);
    w_.found.violated(invariant::i1, "an accepted job was not found", {row.accepted, row.submitted, o.begun.at, e.at});
  } else if (row.now == state::succeeded && w_.surely_before({row.ended, row.ended_at}, o.begun)) {
    w_.found.checked(invariant::i16);
    w_.found.violated(invariant::i16, "the result of a job is gone", {row.ended, row.answered, o.begun.at, e.at});
  }
}

void client_check::finish() {
  if (!w_.log.complete(observer_kind::client)) return;
  for (const auto& row : w_.jobs.rows()) {
    if (!row.in_ledger) continue;
    w_.found.checked(invariant::i4);
    if (!row.promised && !row.submit_open)
      w_.found.violated(invariant::i4, "a job was accepted that nobody submitted, or whose submit was refused",
                        {row.accepted, row.submitted});
  }
}

} // namespace reel::check
