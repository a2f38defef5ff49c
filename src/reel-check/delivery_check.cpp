#include "src/reel-check/delivery_check.hpp"

namespace reel::check {

void delivery_check::on(const event& e) {
  w_.found.checked(invariant::i4);
  auto* row = w_.jobs.find(digest_of(e.text(field::job)));
  if (!row) {
    w_.found.violated(invariant::i4, job_of(e) + " was delivered and never submitted", {e.at});
    return;
  }
  w_.found.checked(invariant::i15);
  if (e.text(field::tenant) != w_.known.text_of(row->tenant) ||
      (e.has(field::marker) && e.text(field::marker) != e.text(field::tenant)))
    w_.found.violated(invariant::i15, job_of(e) + " was delivered to another tenant", {row->accepted, e.at});
  if (e.number(field::event) == 0) judge_success(e, *row); // completed
  judge_copies(e, *row);
  row->delivered |= e.flag(field::accepted) && e.number(field::gen, 1) == row->gen;
}

void delivery_check::judge_success(const event& e, const job_row& row) {
  if (e.number(field::gen, 1) != row.gen || !w_.log.complete(observer_kind::ledger)) return;
  if (row.cancel_answered || row.now == state::cancelled) {
    w_.found.checked(invariant::i7);
    w_.found.violated(invariant::i7, job_of(e) + " was delivered though it was cancelled",
                      {row.accepted, row.cancel_requested, row.ended, e.at});
  } else if (row.now != state::succeeded || w_.surely_before(moment_of(e), {row.ended, row.ended_at}))
    w_.found.violated(invariant::i4, job_of(e) + " was delivered without a commit", {row.accepted, row.ended, e.at});
}

void delivery_check::judge_copies(const event& e, const job_row& row) {
  w_.found.checked(invariant::i3);
  auto job = w_.jobs.index_of(row);
  auto gen = static_cast<std::uint32_t>(e.number(field::gen, 1));
  delivery d{job, gen, digest_of(e.text(field::body_sha)), e.at};
  auto [found, is_new] = by_id_.emplace(digest_of(e.text(field::delivery_id)), d);
  const auto& first = found->second;
  if (first.job != job || first.gen != gen)
    w_.found.violated(invariant::i3, "one delivery id was used for two jobs", {first.first, e.at});
  else if (first.body != d.body)
    w_.found.violated(invariant::i3, job_of(e) + " was delivered twice with different bytes",
                      {row.ended, first.first, e.at});
  if (!is_new) return;
  auto [other, is_only] = by_job_.emplace(std::uint64_t{job} << 32 | gen, e.at);
  if (!is_only)
    w_.found.violated(invariant::i3, job_of(e) + " was delivered under two ids", {row.ended, other->second, e.at});
}

void delivery_check::finish() {
  if (!w_.drained || !w_.log.complete(observer_kind::receiver) || !w_.log.complete(observer_kind::ledger)) return;
  for (const auto& row : w_.jobs.rows()) {
    if (!row.push || row.removed || row.now != state::succeeded) continue;
    w_.found.checked(invariant::i3);
    if (!row.delivered)
      w_.found.violated(invariant::i3, "a success was never delivered", {row.accepted, row.ended, w_.drained->at});
  }
}

} // namespace reel::check
