#include "actors/storage/sqlite/recovery_tables.hpp"

#include <sstream>

#include "actors/storage/ledger_rules.hpp"
#include "runtime/observe/log.hpp"

namespace reel::sqlite {

namespace {

/// Worker ids have no spaces.
std::string joined(const std::vector<worker_id>& workers) {
  std::string text;
  for (const auto& w : workers) text += (text.empty() ? "" : " ") + w.value;
  return text;
}

std::vector<worker_id> split(std::string_view text) {
  std::vector<worker_id> workers;
  std::istringstream in{std::string{text}};
  for (std::string one; in >> one;) workers.push_back({one});
  return workers;
}

std::uint32_t checksum_of(std::int64_t job_no, const recovery_mark& m) {
  checksum sum;
  sum.add(job_no).add(m.batch_cap).add(m.suspect_count).add(std::string_view{joined(m.crash_workers)});
  return sum.add(m.light_attempts).add(static_cast<int>(m.degraded)).add(m.canary).value();
}

} // namespace

recovery_mark recovery_from(const statement::cursor& row, int column, std::int64_t job_no) {
  if (row.is_null(column)) return {};
  recovery_mark m{static_cast<std::uint32_t>(row.integer(column)),
                  static_cast<std::uint32_t>(row.integer(column + 1)),
                  split(row.text(column + 2)),
                  static_cast<std::uint32_t>(row.integer(column + 3)),
                  static_cast<degrade_reason>(row.integer(column + 4)),
                  row.integer(column + 5) != 0};
  if (checksum_of(job_no, m) == row.integer(column + 6)) return m;
  log::error("a job's recovery mark is damaged: not used", {{"no", job_no}});
  return {};
}

breaker_overrides breakers_from(statement& select) {
  breaker_overrides list;
  for (auto row = select.query(); row.next();) {
    const auto model = row.text(0), by = row.text(3);
    const auto order = static_cast<breaker_order>(row.integer(2));
    if (is_valid_name(model) && is_valid_name(by) && (order == breaker_order::open || order == breaker_order::close))
      list.all.push_back(
          {{std::string{model}}, std::string{row.text(1)}, order, {std::string{by}}, time_from(row.integer(4))});
    else
      log::error("a breaker's row is damaged: not used");
  }
  return list;
}

recovery_mark recovery_tables::find(std::int64_t job_no) {
  auto found = find_.query(job_no);
  return found.next() ? recovery_from(found, 0, job_no) : recovery_mark{};
}

void recovery_tables::save(std::int64_t job_no, const recovery_mark& m) {
  if (m == recovery_mark{}) return remove(job_no);
  const auto workers = joined(m.crash_workers);
  save_.execute(job_no, m.batch_cap, m.suspect_count, std::string_view{workers}, m.light_attempts, m.degraded, m.canary,
                checksum_of(job_no, m));
}

bool recovery_tables::is_poison(const sha256_digest& payload, const model_id& model, wall_time now) {
  return has_poison_ && find_poison_.query(bytes_of(payload), std::string_view{model.value}, ms_of(now)).next();
}

void recovery_tables::insert_poison(const sha256_digest& payload, const model_id& model, wall_time now) {
  forget_poison_.execute(ms_of(now));
  insert_poison_.execute(bytes_of(payload), std::string_view{model.value}, ms_of(now + poison_kept));
  has_poison_ = true;
}

void recovery_tables::delete_poison(const sha256_digest& payload, const model_id& model) {
  delete_poison_.execute(bytes_of(payload), std::string_view{model.value});
}

void recovery_tables::insert_breaker(const set_breaker& m, wall_time now) {
  insert_breaker_.execute(std::string_view{m.model.value}, std::string_view{m.device}, m.order,
                          std::string_view{m.by.value}, ms_of(now));
}

void recovery_tables::delete_breaker(const model_id& model, std::string_view device) {
  delete_breaker_.execute(std::string_view{model.value}, device);
}

} // namespace reel::sqlite
