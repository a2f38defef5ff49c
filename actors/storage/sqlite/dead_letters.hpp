// dead_letters.hpp: Jobs that ended without a result, as operators look at them. Used by the ledger's reader.
#pragma once

#include "actors/storage/sqlite/connection.hpp"
#include "messages/dead_letters.hpp"
#include "messages/outcome.hpp"

namespace reel::sqlite {

class dead_letters {
public:
  explicit dead_letters(connection& db) : db_{db} {}

  /// Looks at a bounded number of rows; where filters leave few of them, pages are short. Damaged rows are left out.
  dead_page page(const read_dead& m);

  std::vector<job_event> events(const job_id& id);

private:
  connection& db_;
  statement list_{db_, list_sql().c_str()};
  statement events_{db_, "SELECT e.version, e.at_ms, e.kind, e.from_state, e.to_state, e.fence, b.worker, e.cause, "
                         "e.counted, e.gpu_ms, r.made_by, r.reason, s.steps FROM event e "
                         "LEFT JOIN batch b ON b.no = e.batch_no "
                         "LEFT JOIN redrive r ON r.job_no = e.job_no AND r.version = e.version "
                         "LEFT JOIN resumed s ON s.job_no = e.job_no AND s.version = e.version "
                         "WHERE e.job_no = (SELECT no FROM job WHERE id = ?1) ORDER BY e.version"};

  static std::string list_sql();
};

} // namespace reel::sqlite
