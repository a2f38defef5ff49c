// records.hpp: Turns rows into what messages/ says of jobs, and finds damage on the way: nothing is made of a row whose
// checksum does not agree. Columns are numbered here, because a query and the code that reads its rows must agree.
// Used by the ledger's reader.
#pragma once

#include "actors/storage/sqlite/recovery_tables.hpp"
#include "messages/outcome.hpp"

namespace reel::sqlite {

/// The first columns of every query on jobs: what the checksum of a job's row covers, and the checksum.
enum constant_column {
  c_id,
  c_tenant,
  c_no,
  c_class,
  c_deadline,
  c_batch_key,
  c_next_turn,
  c_quota_day,
  c_reserved_ms,
  c_keeps_model,
  c_crc,
  constants_end
};
inline const std::string constant_columns =
    "j.id, t.name, j.no, j.class, j.deadline_ms, j.batch_key, j.next_turn, j.quota_day, j.reserved_ms, "
    "j.keeps_model, j.crc, ";

/// The last columns of queries that need the result.
inline const std::string result_columns = "o.job_no, o.generation, o.fence, o.video_bytes, o.video_sha256, "
                                          "o.thumbnail_bytes, o.thumbnail_sha256, o.crc ";

/// Of a whole record; the single read and all four lists share them.
enum record_column {
  r_body = constants_end,
  r_state,
  r_generation,
  r_version,
  r_fence,
  r_attempts_used,
  r_cancel_requested,
  r_batch,
  r_worker,
  r_batch_jobs,
  r_served_model,
  r_started_at,
  r_not_before,
  r_finished_at,
  r_error,
  r_message,
  r_gpu_ms,
  r_recovery,
  r_result = r_recovery + recovery_columns_count
};
inline const std::string select_records =
    "SELECT " + constant_columns +
    "r.body, j.state, j.generation, j.version, j.fence, j.attempts_used, j.cancel_requested, b.id, b.worker, b.jobs, "
    "b.served_model, b.at_ms, j.not_before_ms, j.finished_at_ms, j.error, j.message, j.gpu_ms, " +
    recovery_columns + ", " + result_columns +
    "FROM job j LEFT JOIN tenant t ON t.no = j.tenant_no LEFT JOIN request r ON r.job_no = j.no "
    "LEFT JOIN batch b ON b.no = j.batch_no LEFT JOIN recovery m ON m.job_no = j.no "
    "LEFT JOIN outbox o ON o.job_no = j.no AND o.generation = j.generation WHERE j.hidden = 0 AND ";

/// Of what a scheduler is told of a job.
enum waiting_column {
  w_state = constants_end,
  w_generation,
  w_fence,
  w_attempts_used,
  w_not_before,
  w_cancel_requested,
  w_batch,
  w_worker,
  w_saved,
  w_recovery = w_saved + 4
};
inline const std::string select_waiting =
    "SELECT " + constant_columns +
    "j.state, j.generation, j.fence, j.attempts_used, j.not_before_ms, j.cancel_requested, b.id, b.worker, "
    "s.key, s.bytes, s.steps, s.crc, " +
    recovery_columns +
    "FROM job j INDEXED BY job_unfinished LEFT JOIN tenant t ON t.no = j.tenant_no "
    "LEFT JOIN batch b ON b.no = j.batch_no LEFT JOIN saved_run s ON s.job_no = j.no "
    "LEFT JOIN recovery m ON m.job_no = j.no WHERE j.ended = 0 AND ";

bool job_is_sound(const statement::cursor& row);

/// Logs it; errc::corrupt.
errc report_damaged(const statement::cursor& row);

enum class result_kind { none, sound, damaged };
struct found_result {
  result_kind kind = result_kind::none;
  result_row row;
};
found_result result_from(const statement::cursor& row, int first_column);

/// Whose job it is; empty when nobody can say.
std::string_view owner_of(const statement::cursor& row, const outcome<job_request, errc>& request);

/// `request` is what r_body decodes to. errc::corrupt or unsupported where it cannot be shown.
outcome<job_record, errc> record_of(const statement::cursor& row, outcome<job_request, errc> request);

/// For lists: without request and result.
job_record bare_record_of(const statement::cursor& row, errc why);

waiting_job waiting_of(const statement::cursor& row);

} // namespace reel::sqlite
