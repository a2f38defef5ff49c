#include "tests/integration/ledger_audit.hpp"

#include <fmt/format.h>
#include <memory>
#include <sqlite3.h>
#include <stdexcept>

namespace reel::audit {

namespace {

using database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

database open(const std::string& file) {
  sqlite3* raw = nullptr;
  if (sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK)
    throw std::runtime_error{file + ": cannot be opened"};
  return {raw, &sqlite3_close};
}

std::vector<std::string> texts(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) != SQLITE_OK) throw std::runtime_error{sqlite3_errmsg(db)};
  std::vector<std::string> all;
  while (sqlite3_step(statement) == SQLITE_ROW)
    all.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
  sqlite3_finalize(statement);
  return all;
}

std::int64_t number(sqlite3* db, const char* sql) { return std::stoll(texts(db, sql).at(0)); }

struct rule {
  const char* what;
  const char* offenders; ///< SQL that gives the ids of jobs that break it
};

constexpr rule rules[] = {
    {"the file is whole", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},
    {"every job has ended", "SELECT hex(id) FROM job WHERE state < 3"},
    {"versions are 1..n without a gap",
     "SELECT job FROM job_log GROUP BY job HAVING min(version) <> 1 OR max(version) <> count(*)"},
    {"the job's version is that of its last event", "SELECT hex(j.id) FROM job j WHERE j.version <> (SELECT "
                                                    "max(version) FROM event e WHERE e.job_no = j.no)"},
    {"at most one commit per job",
     "SELECT job FROM job_log WHERE kind = 'ended' AND to_state = 3 GROUP BY job HAVING count(*) > 1"},
    {"a success has exactly one outbox row", "SELECT hex(j.id) FROM job j LEFT JOIN outbox o ON o.job_no = "
                                             "j.no WHERE (j.state = 3) <> (o.job_no IS NOT NULL)"},
    {"the committed fence is the highest",
     "SELECT hex(j.id) FROM job j JOIN outbox o ON o.job_no = j.no WHERE o.fence <> j.fence"},
    {"fences rise by one per grant",
     "SELECT job FROM job_log WHERE kind = 'granted' GROUP BY job HAVING max(fence) <> count(*)"},
    {"at most four counted executions", "SELECT hex(id) FROM job WHERE attempts_used > 4"},
    {"what is used of a day is what its jobs say",
     "SELECT u.day FROM usage u LEFT JOIN job j ON j.tenant_no = u.tenant_no AND j.quota_day = u.day AND j.class = "
     "u.class "
     "AND j.state <= 3 LEFT JOIN event e ON e.job_no = j.no AND e.kind = 3 AND e.to_state = 3 GROUP BY u.tenant_no, "
     "u.day, "
     "u.class HAVING u.jobs <> count(j.no) OR u.settled_ms <> ifnull(sum(e.gpu_ms), 0) OR "
     "u.reserved_ms <> ifnull(sum(iif(j.ended, 0, j.reserved_ms)), 0)"},
};

} // namespace

report check_ledger(const std::string& file) {
  auto db = open(file);
  report r;
  r.jobs = number(db.get(), "SELECT count(*) FROM job");
  r.succeeded = number(db.get(), "SELECT count(*) FROM job WHERE state = 3");
  r.retried = number(db.get(), "SELECT count(*) FROM job_log WHERE kind = 'ended' AND to_state = 2");
  r.running_most =
      number(db.get(), "SELECT ifnull(max(running), 0) FROM (SELECT sum(iif(kind = 1, 1, -1)) OVER (ORDER BY "
                       "position) AS running FROM event WHERE kind = 1 OR (kind = 3 AND from_state = 1))");
  for (const auto& rule : rules)
    for (const auto& id : texts(db.get(), rule.offenders)) r.violations.push_back(fmt::format("{}: {}", rule.what, id));
  return r;
}

} // namespace reel::audit
