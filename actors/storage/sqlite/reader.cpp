#include "actors/storage/sqlite/reader.hpp"

#include "actors/storage/job_filter.hpp"
#include "actors/storage/sqlite/records.hpp"

namespace reel::sqlite {

namespace {

constexpr std::uint32_t list_jobs_max = 100;
constexpr std::uint32_t unfinished_jobs_max = 1000;

const std::string of_tenant = "j.tenant_no = (SELECT no FROM tenant WHERE name = ?2) AND ";

job_id last_id() {
  job_id id;
  id.bytes.fill(0xff);
  return id;
}

} // namespace

// The lists have no LIMIT: rows are read one by one until the page is full, because some may be left out.
reader::reader(connection& db)
    : db_{db}, read_{db, (select_records + "j.id = ?1").c_str()},
      list_all_up_{db, (select_records + "j.id > ?1 ORDER BY j.id").c_str()},
      list_all_down_{db, (select_records + "j.id < ?1 ORDER BY j.id DESC").c_str()},
      list_tenant_up_{db, (select_records + of_tenant + "j.id > ?1 ORDER BY j.id").c_str()},
      list_tenant_down_{db, (select_records + of_tenant + "j.id < ?1 ORDER BY j.id DESC").c_str()},
      unfinished_{db, (select_waiting + "j.id > ?1 ORDER BY j.id").c_str()},
      find_object_{db, ("SELECT " + constant_columns +
                        "j.state, j.generation, j.fence, j.cancel_requested, j.hidden, " + result_columns +
                        "FROM job j LEFT JOIN tenant t ON t.no = j.tenant_no "
                        "LEFT JOIN outbox o ON o.job_no = j.no AND o.generation = ?2 WHERE j.id = ?1")
                           .c_str()},
      find_saved_run_{db, "SELECT 1 FROM saved_run WHERE key > ?1 AND key < ?2 LIMIT 1"} {}

void reader::end() { sqlite3_exec(db_.raw(), "COMMIT", nullptr, nullptr, nullptr); }

outcome<job_record, errc> reader::run(const read_job& m) {
  auto row = read_.query(bytes_of(m.id));
  if (!row.next()) return failed{errc::not_found};
  auto request = stored::decode_request(row.text(r_body));
  if (!m.tenant.value.empty() && owner_of(row, request) != m.tenant.value) return failed{errc::not_found};
  return record_of(row, std::move(request));
}

outcome<job_inspection, errc> reader::run(const inspect_job& m) {
  auto whole = run(read_job{{}, m.id});
  if (!whole) return failed{whole.error()};
  return job_inspection{*std::move(whole), dead_letters_.events(m.id)};
}

outcome<job_page, errc> reader::run(const list_jobs& m) {
  const auto limit = std::clamp(m.limit, 1u, list_jobs_max);
  const auto after = m.after ? *m.after : m.ascending ? job_id{} : last_id();
  const bool all = m.tenant.value.empty();
  auto& list =
      all ? (m.ascending ? list_all_up_ : list_all_down_) : (m.ascending ? list_tenant_up_ : list_tenant_down_);
  job_page page;
  auto rows = all ? list.query(bytes_of(after)) : list.query(bytes_of(after), std::string_view{m.tenant.value});
  while (rows.next()) {
    auto request = stored::decode_request(rows.text(r_body));
    if (!all && owner_of(rows, request) != m.tenant.value) continue; // another's, for all one can know
    if (page.jobs.size() == limit) {
      page.has_more = true;
      break;
    }
    auto whole = record_of(rows, std::move(request));
    page.jobs.push_back(whole ? *std::move(whole) : bare_record_of(rows, whole.error()));
  }
  return page;
}

/// Whose columns do not match is not looked into further.
outcome<found_jobs, errc> reader::run(const find_jobs& m) {
  const auto limit = std::clamp(m.limit, 1u, find_jobs_limit_max);
  found_jobs found;
  job_id last;
  int looked_at = 0;
  for (auto row = list_all_down_.query(bytes_of(m.after.value_or(last_id()))); row.next();) {
    const auto id = id_from<job_id>(row.blob(c_id));
    if (is_before_all(m, id)) break;
    if (found.jobs.size() == limit || looked_at++ == find_jobs_rows_max) {
      found.next = last;
      break;
    }
    last = id;
    const auto model = stored::decode_batch_key(row.text(c_batch_key)).model;
    const auto batch = row.is_null(r_batch) ? batch_id{} : id_from<batch_id>(row.blob(r_batch));
    if (!matches(m, {id, static_cast<job_state>(row.integer(r_state)), row.text(c_tenant),
                     static_cast<job_class>(row.integer(c_class)), model.value, row.text(r_served_model), batch}))
      continue;
    auto whole = record_of(row, stored::decode_request(row.text(r_body)));
    found.jobs.push_back(whole ? shown(*std::move(whole)) : bare_record_of(row, whole.error()));
  }
  return found;
}

outcome<unfinished_page, errc> reader::run(const unfinished_jobs& m) {
  const auto limit = std::clamp(m.limit, 1u, unfinished_jobs_max);
  const auto after = m.after.value_or(job_id{});
  unfinished_page page;
  auto rows = unfinished_.query(bytes_of(after));
  while (rows.next()) {
    if (!job_is_sound(rows)) {
      report_damaged(rows);
      continue;
    }
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

/// What is not certain counts as referenced: the object may be the only copy of a committed video.
bool reader::is_referenced(const object_key_parts& object) {
  enum { state = constants_end, generation, fence, cancel_requested, hidden, result_at };
  auto row = find_object_.query(bytes_of(object.job), object.generation);
  if (!row.next()) return true;
  if (!job_is_sound(row)) return report_damaged(row) == errc::corrupt;
  if (row.text(c_tenant) != object.tenant.value) return false;
  const auto now = static_cast<job_state>(row.integer(state));
  const bool this_generation = row.integer(generation) == object.generation;
  if (now == job_state::leased && this_generation && row.integer(fence) == object.fence &&
      row.integer(cancel_requested) == 0)
    return true;
  if (object.kind == artifact::saved_run) return is_of_saved_run(object);
  if (row.integer(hidden) != 0) return false;
  const auto result = result_from(row, result_at);
  const bool missing = result.kind == result_kind::none && now == job_state::succeeded && this_generation;
  if (missing || result.kind == result_kind::damaged) return report_damaged(row) == errc::corrupt;
  if (result.kind == result_kind::none || result.row.fence != object.fence) return false;
  return (object.kind == artifact::video ? result.row.video : result.row.thumbnail).sha256 == object.sha256;
}

/// Does any unfinished job go on from there: the one whose key it has, or another of its batch. All parts have the
/// beginning of their list's key.
bool reader::is_of_saved_run(const object_key_parts& object) {
  const auto prefix = object_prefix(object.tenant, object.job, object.generation, object.fence);
  const std::string first = prefix + '-', end = prefix + '.'; // the next character after '-'
  static_assert('-' + 1 == '.');
  return find_saved_run_.query(std::string_view{first}, std::string_view{end}).next();
}

} // namespace reel::sqlite
