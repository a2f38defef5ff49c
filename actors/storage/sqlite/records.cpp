#include "actors/storage/sqlite/records.hpp"

#include "runtime/observe/log.hpp"

namespace reel::sqlite {

bool job_is_sound(const statement::cursor& row) {
  if (row.is_null(c_tenant)) return false; // its row is gone
  std::optional<std::int64_t> deadline, quota_day;
  if (!row.is_null(c_deadline)) deadline = row.integer(c_deadline);
  if (!row.is_null(c_quota_day)) quota_day = row.integer(c_quota_day);
  const job_constants job{id_from<job_id>(row.blob(c_id)),
                          row.integer(c_no),
                          row.text(c_tenant),
                          row.integer(c_class),
                          deadline,
                          row.text(c_batch_key),
                          row.integer(c_next_turn) != 0,
                          quota_day,
                          row.integer(c_reserved_ms),
                          row.integer(c_keeps_model) != 0};
  return checksum_of(job) == row.integer(c_crc);
}

found_result result_from(const statement::cursor& row, int column) {
  if (row.is_null(column)) return {};
  const result_row r{row.integer(column), static_cast<std::uint32_t>(row.integer(column + 1)),
                     static_cast<std::uint32_t>(row.integer(column + 2)), object_from(row, column + 3),
                     object_from(row, column + 5)};
  if (checksum_of(r) != row.integer(column + 7)) return {result_kind::damaged, {}};
  return {result_kind::sound, r};
}

errc report_damaged(const statement::cursor& row) {
  log::error("rows of a job are damaged: not used", {{"job", to_string(id_from<job_id>(row.blob(c_id)))}});
  return errc::corrupt;
}

namespace {

/// Everything of a record but its request and its result.
job_record changing_part_of(const statement::cursor& row) {
  job_record r;
  r.state = static_cast<job_state>(row.integer(r_state));
  r.generation = static_cast<std::uint32_t>(row.integer(r_generation));
  r.version = static_cast<std::uint32_t>(row.integer(r_version));
  r.fence = static_cast<std::uint32_t>(row.integer(r_fence));
  r.attempts_used = static_cast<std::uint32_t>(row.integer(r_attempts_used));
  r.cancel_requested = row.integer(r_cancel_requested) != 0;
  if (!row.is_null(r_batch)) {
    r.batch = id_from<batch_id>(row.blob(r_batch));
    r.worker.value = row.text(r_worker);
    r.batch_size = static_cast<std::uint32_t>(row.integer(r_batch_jobs));
    r.served_model.value = row.text(r_served_model);
    r.started_at = optional_time(row, r_started_at);
  }
  r.not_before = optional_time(row, r_not_before);
  r.finished_at = optional_time(row, r_finished_at);
  r.error = static_cast<errc>(row.integer(r_error));
  r.error_message = row.text(r_message);
  r.gpu_ms = static_cast<std::uint64_t>(row.integer(r_gpu_ms));
  r.recovery = recovery_from(row, r_recovery, row.integer(c_no));
  return r;
}

} // namespace

std::string_view owner_of(const statement::cursor& row, const outcome<job_request, errc>& request) {
  if (job_is_sound(row)) return row.text(c_tenant);
  if (!request || request->id != id_from<job_id>(row.blob(c_id))) return {};
  return request->tenant.value;
}

outcome<job_record, errc> record_of(const statement::cursor& row, outcome<job_request, errc> request) {
  const auto result = result_from(row, r_result);
  const bool succeeded = static_cast<job_state>(row.integer(r_state)) == job_state::succeeded;
  if (!job_is_sound(row) || result.kind == result_kind::damaged || (succeeded && result.kind == result_kind::none))
    return failed{report_damaged(row)};
  if (!request) return failed{request.error()};
  if (request->id != id_from<job_id>(row.blob(c_id)) || request->tenant.value != row.text(c_tenant))
    return failed{report_damaged(row)};
  auto r = changing_part_of(row);
  r.committed_fence = result.row.fence;
  r.video = result.row.video;
  r.thumbnail = result.row.thumbnail;
  r.degraded = !r.served_model.value.empty() && r.served_model != request->params.model;
  if (r.degraded) r.degrade_reason = to_string(r.recovery.degraded);
  r.request = *std::move(request);
  r.request.cls = static_cast<job_class>(row.integer(c_class));
  return r;
}

job_record bare_record_of(const statement::cursor& row, errc why) {
  auto r = changing_part_of(row);
  r.request.id = id_from<job_id>(row.blob(c_id));
  r.request.tenant.value = row.text(c_tenant);
  r.request.created_at = r.request.id.created_at();
  r.error = why;
  r.error_message = why == errc::unsupported ? "written by a newer version" : "the stored job is damaged";
  return r;
}

waiting_job waiting_of(const statement::cursor& row) {
  waiting_job w;
  w.id = id_from<job_id>(row.blob(c_id));
  w.tenant.value = row.text(c_tenant);
  w.cls = static_cast<job_class>(row.integer(c_class));
  w.key = stored::decode_batch_key(row.text(c_batch_key));
  w.deadline = optional_time(row, c_deadline);
  w.state = static_cast<job_state>(row.integer(w_state));
  w.generation = static_cast<std::uint32_t>(row.integer(w_generation));
  w.fence = static_cast<std::uint32_t>(row.integer(w_fence));
  w.attempts_used = static_cast<std::uint32_t>(row.integer(w_attempts_used));
  w.not_before = optional_time(row, w_not_before);
  w.cancel_requested = row.integer(w_cancel_requested) != 0;
  if (w.state == job_state::leased) {
    w.batch = id_from<batch_id>(row.blob(w_batch));
    w.worker.value = row.text(w_worker);
  }
  w.next_turn = row.integer(c_next_turn) != 0;
  w.keeps_model = row.integer(c_keeps_model) != 0;
  w.recovery = recovery_from(row, w_recovery, row.integer(c_no));
  w.saved_steps = saved_run_from(row, w_saved, row.integer(c_no)).steps;
  return w;
}

} // namespace reel::sqlite
