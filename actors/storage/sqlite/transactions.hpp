// transactions.hpp: The writing half of the ledger: what each message does to the tables, inside a
// transaction that its owner begins and ends. Many messages share one transaction; each is answered on its
// own, and the answers count only once the transaction is committed.
//
// Owned and called by the ledger's writer thread. What it remembers beside the file (numbers to give out, the
// term, the counts for admission) is taken back with the transaction. Throws sqlite::error; never answers
// errc::ok for what it did not write. A job whose row is damaged is left as it is and answered with errc::corrupt:
// writing under numbers that may be another job's would damage that one too.
#pragma once

#include <set>

#include "actors/storage/admission.hpp"
#include "actors/storage/disk_guard.hpp"
#include "actors/storage/drain_rate.hpp"
#include "actors/storage/sqlite/audit_table.hpp"
#include "actors/storage/sqlite/key_clock.hpp"
#include "actors/storage/sqlite/recovery_tables.hpp"
#include "actors/storage/sqlite/writer_tables.hpp"

namespace reel::sqlite {

struct key_options {
  std::chrono::milliseconds kept;
  std::chrono::milliseconds gap_max; ///< of key_clock
  wall_time wall_at_start;
  instant steady_at_start;
};

class transactions {
public:
  /// `clock`: name of the one that begin() is told the time of.
  transactions(connection& db, const admission_limits& limits, const key_options& keys, std::string clock);

  void begin(wall_time now, instant steady, space_left space);
  void commit();   ///< durable when it returns
  void rollback(); ///< never throws

  outcome<accept_answers, errc> run(const accept_jobs& m);
  outcome<cancel_answer, errc> run(const cancel_job& m);
  outcome<delete_answer, errc> run(const delete_job& m);
  outcome<reprioritise_answer, errc> run(const reprioritise_job& m);
  outcome<pause_list, errc> run(const set_pause& m);
  outcome<breaker_overrides, errc> run(const set_breaker& m);
  outcome<leadership, errc> run(const take_leadership& m);
  outcome<grant_answer, errc> run(const grant_batch& m);
  outcome<end_answer, errc> run(const end_batch& m);
  outcome<save_answer, errc> run(const batch_saved& m);
  outcome<quota_view, errc> run(const read_quota& m);
  outcome<accept_answers, errc> run(const redrive_jobs& m);
  outcome<done, errc> run(const std::vector<delivery_result>& m);
  outcome<done, errc> run(const note_cluster& m);
  outcome<action_noted, errc> run(const note_action& m);

  std::uint64_t unfinished_jobs() const { return admission_.unfinished_jobs(); }

private:
  struct numbers {
    std::int64_t job = 0, batch = 0, position = 0; ///< last given out
    std::uint64_t term = 0;
  };

  accept_answer accept_one(const job_request& request);
  quota_standing standing_of(const job_request& request, const tenant_quota& limits, const calendar_day& today,
                             quota_kind exceeded);
  const usage_by_class& usage_of(const tenant_id& tenant, const calendar_day& day);
  bool move_quota(const job_row& row, job_class to);
  void finish(const job_row& row, const ending& how, const event_row& e);
  std::optional<accept_answer> find_replay(const job_request& request, const writer_tables::key_hash& hash);
  granted_job grant_one(const job_id& id, const batch_row& batch, const grant_batch& m);
  errc end_one(const job_outcome& outcome, std::int64_t batch_no, std::int32_t& saved_steps);
  std::int32_t keep_saved_run(const job_row& row, const job_outcome& outcome);
  void note_let_go(const job_row& row);
  std::vector<std::string> take_released();
  void learn(const job_row& row, const job_outcome& outcome, job_state to);
  void add_note(const cluster_note& n);
  void note_refused(const job_outcome& outcome);
  accept_answer redrive_one(const job_id& id, const redrive_jobs& m);
  void cancel_now(job_row& row);
  void mark_cancelled(job_row& row);
  outcome<job_request, errc> find_request(const job_row& row);
  errc report_damaged(const job_row& row);
  void bury_damaged(const job_row& row);
  void forget_old_keys();
  void forget_old_days();

  void restore_tenants();
  outcome<job_row, errc> find_visible(const tenant_id& tenant, const job_id& id);
  std::int64_t tenant_number(const tenant_id& tenant); ///< makes one where there is none
  event_row next_event(event_kind kind, job_state to, const job_row& row);

  connection& db_;
  writer_tables tables_;
  recovery_tables recovery_{db_};
  audit_writer audit_{db_};
  admission admission_;
  drain_rate ends_, committed_ends_; ///< of this transaction, and before it
  day_clock days_;
  quota_book quotas_;
  gpu_estimates estimates_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> measured_; ///< kinds and GPU time, in the open transaction
  const std::chrono::milliseconds keys_kept_;
  key_clock key_clock_;

  numbers last_, committed_;
  tenant_list tenants_;

  const std::string clock_;
  bool clock_noted_ = false; ///< in the file

  wall_time now_{};
  std::int64_t mono_ns_ = 0; ///< by clock_
  wall_time key_now_{};      ///< by key_clock_
  instant steady_now_{};
  space_left space_;
  wall_time next_forgetting_{}, next_saving_{}, next_forgetting_days_{};
  std::set<std::string> let_go_; ///< keys of saved runs that rows had, in the running operation
  std::string body_, batch_key_; ///< scratch
};

} // namespace reel::sqlite
