#include "actors/storage/sqlite/reader.hpp"

#include "actors/storage/request_codec.hpp"
#include "actors/storage/sqlite/columns.hpp"

namespace reel::sqlite {

namespace {

constexpr std::uint32_t list_jobs_max = 100;
constexpr std::uint32_t unfinished_jobs_max = 1000;

// The columns of a record, and where they come from. All four lists and the single read share them.
const std::string record =
    "SELECT j.id, t.name, r.body, j.state, j.generation, j.version, j.fence, j.attempts_used, "
    "j.cancel_requested, "
    "b.id, b.worker, b.jobs, b.served_model, b.at_ms, j.not_before_ms, j.finished_at_ms, j.error, j.message, "
    "o.fence, o.video_bytes, o.video_sha256, o.thumbnail_bytes, o.thumbnail_sha256, j.gpu_ms "
    "FROM job j CROSS JOIN tenant t ON t.no = j.tenant_no CROSS JOIN request r ON r.job_no = j.no "
    "LEFT JOIN batch b ON b.no = j.batch_no "
    "LEFT JOIN outbox o ON o.job_no = j.no AND o.generation = j.generation WHERE j.hidden = 0 AND ";

/// Everything of a record but its request.
job_record row_of(const statement::cursor& row) {
  job_record r;
  r.state = static_cast<job_state>(row.integer(3));
  r.generation = static_cast<std::uint32_t>(row.integer(4));
  r.version = static_cast<std::uint32_t>(row.integer(5));
  r.fence = static_cast<std::uint32_t>(row.integer(6));
  r.attempts_used = static_cast<std::uint32_t>(row.integer(7));
  r.cancel_requested = row.integer(8) != 0;
  if (!row.is_null(9)) {
    r.batch = id_from<batch_id>(row.blob(9));
    r.worker.value = row.text(10);
    r.batch_size = static_cast<std::uint32_t>(row.integer(11));
    r.served_model.value = row.text(12);
    r.started_at = optional_time(row, 13);
  }
  r.not_before = optional_time(row, 14);
  r.finished_at = optional_time(row, 15);
  r.error = static_cast<errc>(row.integer(16));
  r.error_message = row.text(17);
  if (!row.is_null(18)) {
    r.committed_fence = static_cast<std::uint32_t>(row.integer(18));
    r.video = object_from(row, 19);
    r.thumbnail = object_from(row, 21);
  }
  r.gpu_ms = static_cast<std::uint64_t>(row.integer(23));
  return r;
}

outcome<job_record, errc> record_of(const statement::cursor& row) {
  auto request = stored::decode_request(row.text(2));
  if (!request) return failed{errc::corrupt};
  auto r = row_of(row);
  r.degraded = !r.served_model.value.empty() && r.served_model != request->params.model;
  r.request = *std::move(request);
  return r;
}

job_record damaged_record_of(const statement::cursor& row) {
  auto r = row_of(row);
  r.request.id = id_from<job_id>(row.blob(0));
  r.request.tenant.value = row.text(1);
  r.request.created_at = r.request.id.created_at();
  r.error = errc::corrupt;
  r.error_message = "the stored request is damaged";
  return r;
}

waiting_job waiting_of(const statement::cursor& row) {
  waiting_job w;
  w.id = id_from<job_id>(row.blob(0));
  w.tenant.value = row.text(1);
  w.cls = static_cast<job_class>(row.integer(2));
  w.key = stored::decode_batch_key(row.text(3));
  w.deadline = optional_time(row, 4);
  w.state = static_cast<job_state>(row.integer(5));
  w.generation = static_cast<std::uint32_t>(row.integer(6));
  w.fence = static_cast<std::uint32_t>(row.integer(7));
  w.attempts_used = static_cast<std::uint32_t>(row.integer(8));
  w.not_before = optional_time(row, 9);
  w.cancel_requested = row.integer(10) != 0;
  if (w.state == job_state::leased) {
    w.batch = id_from<batch_id>(row.blob(11));
    w.worker.value = row.text(12);
  }
  return w;
}

job_id last_id() {
  job_id id;
  id.bytes.fill(0xff);
  return id;
}

} // namespace

reader::reader(connection& db)
    : db_{db}, read_{db, (record + "j.id = ?1").c_str()},
      list_all_up_{db, (record + "j.id > ?1 ORDER BY j.id LIMIT ?2").c_str()},
      list_all_down_{db, (record + "j.id < ?1 ORDER BY j.id DESC LIMIT ?2").c_str()},
      list_tenant_up_{db, (record + "j.tenant_no = (SELECT no FROM tenant WHERE name = ?3) AND j.id > ?1 "
                                    "ORDER BY j.id LIMIT ?2")
                              .c_str()},
      list_tenant_down_{db, (record + "j.tenant_no = (SELECT no FROM tenant WHERE name = ?3) AND j.id < ?1 "
                                      "ORDER BY j.id DESC LIMIT ?2")
                                .c_str()},
      unfinished_{db, "SELECT j.id, t.name, j.class, j.batch_key, j.deadline_ms, j.state, j.generation, j.fence, "
                      "j.attempts_used, j.not_before_ms, j.cancel_requested, b.id, b.worker "
                      "FROM job j INDEXED BY job_unfinished CROSS JOIN tenant t ON t.no = j.tenant_no "
                      "LEFT JOIN batch b ON b.no = j.batch_no "
                      "WHERE j.ended = 0 AND j.id > ?1 ORDER BY j.id LIMIT ?2"},
      find_object_{db, "SELECT t.name, j.state, j.fence, j.cancel_requested, j.hidden, j.generation, "
                       "o.fence, o.video_sha256, o.thumbnail_sha256 "
                       "FROM job j CROSS JOIN tenant t ON t.no = j.tenant_no "
                       "LEFT JOIN outbox o ON o.job_no = j.no AND o.generation = ?2 WHERE j.id = ?1"} {}

void reader::end() { sqlite3_exec(db_.raw(), "COMMIT", nullptr, nullptr, nullptr); }

outcome<job_record, errc> reader::run(const read_job& m) {
  auto row = read_.query(bytes_of(m.id));
  if (!row.next()) return failed{errc::not_found};
  if (!m.tenant.value.empty() && row.text(1) != m.tenant.value) return failed{errc::not_found};
  return record_of(row);
}

outcome<job_page, errc> reader::run(const list_jobs& m) {
  const auto limit = std::clamp(m.limit, 1u, list_jobs_max);
  const auto after = m.after ? *m.after : m.ascending ? job_id{} : last_id();
  const bool all = m.tenant.value.empty();
  auto& list =
      all ? (m.ascending ? list_all_up_ : list_all_down_) : (m.ascending ? list_tenant_up_ : list_tenant_down_);
  job_page page;
  auto rows = all ? list.query(bytes_of(after), limit + 1)
                  : list.query(bytes_of(after), limit + 1, std::string_view{m.tenant.value});
  while (rows.next()) {
    if (page.jobs.size() == limit) {
      page.has_more = true;
      break;
    }
    auto whole = record_of(rows);
    page.jobs.push_back(whole ? *std::move(whole) : damaged_record_of(rows));
  }
  return page;
}

outcome<unfinished_page, errc> reader::run(const unfinished_jobs& m) {
  const auto limit = std::clamp(m.limit, 1u, unfinished_jobs_max);
  const auto after = m.after.value_or(job_id{});
  unfinished_page page;
  auto rows = unfinished_.query(bytes_of(after), limit + 1);
  while (rows.next()) {
    if (page.jobs.size() == limit) {
      page.has_more = true;
      break;
    }
    page.jobs.push_back(waiting_of(rows));
  }
  return page;
}

outcome<std::vector<bool>, errc> reader::run(const std::vector<object_key_parts>& objects) {
  std::vector<bool> all;
  all.reserve(objects.size());
  for (const auto& object : objects) all.push_back(is_referenced(object));
  return all;
}

bool reader::is_referenced(const object_key_parts& object) {
  auto row = find_object_.query(bytes_of(object.job), object.generation);
  if (!row.next()) return true;
  if (row.text(0) != object.tenant.value) return false;
  const bool may_still_commit = static_cast<job_state>(row.integer(1)) == job_state::leased &&
                                row.integer(2) == object.fence && row.integer(3) == 0 &&
                                row.integer(5) == object.generation;
  if (may_still_commit) return true;
  const bool hidden = row.integer(4) != 0;
  if (hidden || row.is_null(6) || row.integer(6) != object.fence) return false;
  return id_from<sha256_digest>(row.blob(object.kind == artifact::video ? 7 : 8)) == object.sha256;
}

} // namespace reel::sqlite
