// The part of the ledger's writing half that keeps what jobs can go on from.
#include "actors/storage/sqlite/transactions.hpp"
#include "runtime/limits.hpp"

namespace reel::sqlite {

/// No term is asked for: that the execution is the latest and goes on says more.
outcome<save_answer, errc> transactions::run(const batch_saved& m) {
  if (m.jobs.size() > limits::batch_jobs_max) return failed{errc::invalid_argument};
  const auto batch_no = tables_.find_batch(m.batch);
  let_go_.clear();
  for (const auto& job : m.jobs) {
    const auto row = tables_.find_job(job.id, tenants_);
    if (!row || !row->sound || !may_save(row->now, batch_no != 0 && row->batch_no == batch_no, job)) continue;
    note_let_go(*row);
    tables_.save_run(row->no, job.saved);
  }
  return save_answer{take_released()};
}

/// Denoise steps that it spares from now on.
std::int32_t transactions::keep_saved_run(const job_row& row, const job_outcome& outcome) {
  switch (decide_saved(outcome)) {
  case saved_step::keep: break;
  case saved_step::replace: tables_.save_run(row.no, outcome.saved); return outcome.saved.steps;
  case saved_step::remove:
    if (row.has_saved_run) tables_.remove_saved_run(row.no);
    return 0;
  }
  return row.has_saved_run ? tables_.find_saved_run(row.no).steps : 0;
}

/// The row may have another saved run after this operation, or none.
void transactions::note_let_go(const job_row& row) {
  if (!row.has_saved_run) return;
  if (auto key = tables_.find_saved_run(row.no).key; !key.empty()) let_go_.insert(std::move(key));
}

/// Those that no row has.
std::vector<std::string> transactions::take_released() {
  std::vector<std::string> keys;
  for (const auto& key : let_go_)
    if (!tables_.has_saved_run(key)) keys.push_back(key);
  let_go_.clear();
  return keys;
}

} // namespace reel::sqlite
