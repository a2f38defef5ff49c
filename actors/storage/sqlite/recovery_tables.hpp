// recovery_tables.hpp: What few jobs have, and what operators forced: the marks that executions left on jobs, contents
// that were poison, and orders given to circuit breakers. One function per statement, like writer_tables.hpp.
#pragma once

#include "actors/storage/sqlite/rows.hpp"
#include "messages/breakers.hpp"

namespace reel::sqlite {

/// Columns of `recovery` from `column` on, as recovery_columns names them. The default where there is no row or a
/// damaged one: its job then begins without a history, which costs executions and nothing else.
recovery_mark recovery_from(const statement::cursor& row, int column, std::int64_t job_no);

/// Of a query in which the table is called m.
inline const std::string recovery_columns = "m.batch_cap, m.suspect_count, m.crash_workers, m.light_attempts, "
                                            "m.degraded, m.canary, m.crc ";
inline constexpr int recovery_columns_count = 7;

inline constexpr const char* select_breakers =
    "SELECT model, device, forced, made_by, since_ms FROM breaker ORDER BY model, device";
/// A row whose names are none was damaged: it forces nothing.
breaker_overrides breakers_from(statement& select);

class recovery_tables {
public:
  explicit recovery_tables(connection& db) : db_{db} {
    has_poison_ = db.number("SELECT EXISTS(SELECT 1 FROM poison)") != 0;
  }

  recovery_mark find(std::int64_t job_no);
  void save(std::int64_t job_no, const recovery_mark& mark); ///< the default removes it
  void remove(std::int64_t job_no) { remove_.execute(job_no); }

  bool is_poison(const sha256_digest& payload, const model_id& model, wall_time now);
  void insert_poison(const sha256_digest& payload, const model_id& model, wall_time now); ///< forgets old ones
  void delete_poison(const sha256_digest& payload, const model_id& model);

  breaker_overrides all_breakers() { return breakers_from(select_breakers_); }
  void insert_breaker(const set_breaker& m, wall_time now);
  void delete_breaker(const model_id& model, std::string_view device); ///< no device: all of the model

private:
  connection& db_;
  bool has_poison_ = false; ///< there may be some: looking costs every grant something
  statement find_{db_, "SELECT m.batch_cap, m.suspect_count, m.crash_workers, m.light_attempts, m.degraded, m.canary, "
                       "m.crc FROM recovery m WHERE job_no = ?1"};
  statement save_{db_, "INSERT OR REPLACE INTO recovery VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"};
  statement remove_{db_, "DELETE FROM recovery WHERE job_no = ?1"};
  statement find_poison_{db_, "SELECT 1 FROM poison WHERE payload = ?1 AND model = ?2 AND until_ms > ?3"};
  statement insert_poison_{db_, "INSERT OR REPLACE INTO poison VALUES(?1, ?2, ?3)"};
  statement forget_poison_{db_, "DELETE FROM poison WHERE until_ms <= ?1"};
  statement delete_poison_{db_, "DELETE FROM poison WHERE payload = ?1 AND model = ?2"};
  statement select_breakers_{db_, select_breakers};
  statement insert_breaker_{db_, "INSERT OR REPLACE INTO breaker VALUES(?1, ?2, ?3, ?4, ?5)"};
  statement delete_breaker_{db_, "DELETE FROM breaker WHERE model = ?1 AND (device = ?2 OR ?2 = '')"};
};

} // namespace reel::sqlite
