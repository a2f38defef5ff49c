#include "actors/storage/sqlite/dead_letters.hpp"

#include "actors/storage/sqlite/records.hpp"

namespace reel::sqlite {

namespace {

constexpr std::uint32_t page_jobs_max = 100;
constexpr int page_rows_max = 10'000; ///< looked at for one page: some 20 ms

enum { d_state = constants_end, d_generation, d_attempts_used, d_error, d_message, d_ended_at };

dead_job dead_job_from(const statement::cursor& row) {
  dead_job d;
  d.id = id_from<job_id>(row.blob(c_id));
  d.tenant.value = row.text(c_tenant);
  d.cls = static_cast<job_class>(row.integer(c_class));
  d.model = stored::decode_batch_key(row.text(c_batch_key)).model;
  d.state = static_cast<job_state>(row.integer(d_state));
  d.cause = static_cast<errc>(row.integer(d_error));
  d.message = row.text(d_message);
  d.generation = static_cast<std::uint32_t>(row.integer(d_generation));
  d.attempts_used = static_cast<std::uint32_t>(row.integer(d_attempts_used));
  d.created_at = d.id.created_at();
  d.ended_at = time_from(row.integer(d_ended_at));
  return d;
}

job_event event_from(const statement::cursor& row, std::uint32_t generation) {
  job_event e;
  e.version = static_cast<std::uint32_t>(row.integer(0));
  e.generation = generation;
  e.at = time_from(row.integer(1));
  e.kind = static_cast<event_kind>(row.integer(2));
  const bool of_execution = !row.is_null(3) && static_cast<job_state>(row.integer(3)) == job_state::leased;
  e.to = static_cast<job_state>(row.integer(4));
  e.fence = static_cast<std::uint32_t>(row.integer(5));
  if (e.kind == event_kind::granted || (e.kind == event_kind::ended && of_execution)) e.worker.value = row.text(6);
  e.cause = static_cast<errc>(row.integer(7));
  e.counted = row.integer(8) != 0;
  e.gpu_ms = static_cast<std::uint64_t>(row.integer(9));
  e.by.value = row.text(10);
  e.reason = row.text(11);
  e.from_step = static_cast<std::int32_t>(row.integer(12));
  return e;
}

} // namespace

std::string dead_letters::list_sql() {
  return "SELECT " + constant_columns +
         "j.state, j.generation, j.attempts_used, j.error, j.message, j.finished_at_ms "
         "FROM job j INDEXED BY job_dead LEFT JOIN tenant t ON t.no = j.tenant_no "
         "WHERE j.ended = 2 AND j.hidden = 0 AND j.id > ?1 ORDER BY j.id";
}

dead_page dead_letters::page(const read_dead& m) {
  const std::size_t limit = std::clamp(m.limit, 1u, page_jobs_max);
  dead_page page;
  job_id last;
  int looked_at = 0;
  for (auto row = list_.query(bytes_of(m.after.value_or(job_id{}))); row.next();) {
    if (page.jobs.size() == limit || looked_at++ == page_rows_max) {
      page.next = last;
      return page;
    }
    last = id_from<job_id>(row.blob(c_id));
    if (!m.tenant.value.empty() && row.text(c_tenant) != m.tenant.value) continue;
    if (m.cause != errc::ok && static_cast<errc>(row.integer(d_error)) != m.cause) continue;
    if (job_is_sound(row))
      page.jobs.push_back(dead_job_from(row));
    else
      report_damaged(row);
  }
  return page;
}

std::vector<job_event> dead_letters::events(const job_id& id) {
  std::vector<job_event> events;
  std::uint32_t generation = 1;
  for (auto row = events_.query(bytes_of(id)); row.next();) {
    if (static_cast<event_kind>(row.integer(2)) == event_kind::redriven) ++generation;
    events.push_back(event_from(row, generation));
  }
  if (events.size() > inspected_events_max) events.erase(events.begin(), events.end() - inspected_events_max);
  return events;
}

} // namespace reel::sqlite
