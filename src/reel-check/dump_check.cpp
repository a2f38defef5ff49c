#include "src/reel-check/dump_check.hpp"

namespace reel::check {

void dump_check::on(const event& e) {
  switch (e.what) {
  case op::job: return on_job(e);
  case op::object: return on_object(e);
  default: return ledger_.on_total(e);
  }
}

void dump_check::on_job(const event& e) {
  auto* row = w_.jobs.find(digest_of(e.text(field::job)));
  bool whole = w_.log.complete(observer_kind::ledger);
  if (!row || !row->in_ledger) {
    if (row) row->in_dump = true;
    if (whole) w_.found.violated(invariant::i5, job_of(e) + " has a row and no lines", {e.at});
    return;
  }
  row->in_dump = true;
  w_.found.checked(invariant::i15);
  if (e.text(field::tenant) != w_.known.text_of(row->tenant))
    w_.found.violated(invariant::i15, job_of(e) + " ended as another tenant's", {row->accepted, e.at});
  if (!whole) return;
  w_.found.checked(invariant::i5);
  if (e.choice<state>(field::state) != row->now || e.number(field::version) != row->version ||
      e.number(field::gen, 1) != row->gen)
    w_.found.violated(invariant::i5, job_of(e) + " is not what its lines say",
                      {row->accepted, row->granted, row->ended, e.at});
  else if (e.has(field::result_sha) && digest_of(e.text(field::result_sha)) != row->result)
    w_.found.violated(invariant::i2, job_of(e) + " has another result than was committed", {row->ended, e.at});
}

void dump_check::on_object(const event& e) {
  has_objects_ = true;
  auto* row = w_.jobs.find(digest_of(e.text(field::job)));
  bool committed = row && row->now == state::succeeded && e.number(field::fence) == row->fence &&
                   e.number(field::gen, 1) == row->gen;
  if (!committed) return; // an orphan, swept later
  w_.found.checked(invariant::i2);
  row->has_object = true;
  if (digest_of(e.text(field::result_sha)) != row->result)
    w_.found.violated(invariant::i2, job_of(e) + " has an object with other bytes than were committed",
                      {row->ended, e.at});
}

void dump_check::judge_loss(const job_row& row) {
  w_.found.checked(invariant::i1);
  if (!row.in_ledger && w_.log.complete(observer_kind::ledger))
    w_.found.violated(invariant::i1, "a job was promised and is not in the ledger", {row.submitted});
  else if (!row.in_dump)
    w_.found.violated(invariant::i1, "an accepted job is not there any more",
                      {row.accepted, row.submitted, row.granted, row.ended});
  else if (w_.drained && row.in_ledger && !is_terminal(row.now) && w_.log.complete(observer_kind::ledger))
    w_.found.violated(invariant::i1, "an accepted job never ended",
                      {row.accepted, row.submitted, row.granted, row.ended, w_.drained->at});
}

void dump_check::finish() {
  if (!w_.log.complete(observer_kind::final)) return;
  for (const auto& row : w_.jobs.rows()) {
    if (row.removed) continue;
    judge_loss(row);
    if (!has_objects_ || !row.in_dump || row.now != state::succeeded) continue;
    w_.found.checked(invariant::i2);
    if (!row.has_object)
      w_.found.violated(invariant::i2, "the object of a committed job is not there", {row.accepted, row.ended});
  }
}

} // namespace reel::check
