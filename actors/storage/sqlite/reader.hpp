// reader.hpp: The reading half of the SQLite ledger: builds records from rows, on a connection that cannot
// write. Owned and called by the ledger's reader thread. All reads between begin() and end() see the same
// moment.
#pragma once

#include "actors/storage/sqlite/audit_table.hpp"
#include "actors/storage/sqlite/dead_letters.hpp"
#include "actors/storage/sqlite/outbox_reader.hpp"
#include "actors/storage/sqlite/pauses.hpp"
#include "actors/storage/sqlite/recovery_tables.hpp"
#include "messages/outcome.hpp"
#include "messages/storage.hpp"

namespace reel::sqlite {

class reader {
public:
  explicit reader(connection& db);

  void begin() { db_.run("BEGIN"); }
  void end(); ///< never throws

  /// errc::corrupt where a row of the job is damaged, errc::unsupported where a newer version wrote its request.
  outcome<job_record, errc> run(const read_job& m);
  /// Such a job is listed without request and result, with that code as its error; where it is not even certain whose
  /// it is, to operators only.
  outcome<job_page, errc> run(const list_jobs& m);
  /// Leaves out jobs whose row is damaged: they stay as they are until a person looks at them.
  outcome<unfinished_page, errc> run(const unfinished_jobs& m);
  outcome<std::vector<bool>, errc> run(const std::vector<object_key_parts>& objects);
  outcome<dead_page, errc> run(const read_dead& m) { return dead_letters_.page(m); }
  outcome<job_inspection, errc> run(const inspect_job& m);
  outcome<found_jobs, errc> run(const find_jobs& m);
  outcome<audit_page, errc> run(const read_audit& m) { return audit_.page(m); }
  outcome<std::vector<outbox_entry>, errc> run(const read_outbox& m) { return outbox_.due(m); }
  outcome<pause_list, errc> run(const read_pauses&) { return pauses_from(select_pauses_); }
  outcome<breaker_overrides, errc> run(const read_breakers&) { return breakers_from(select_breakers_); }

private:
  bool is_referenced(const object_key_parts& object);
  bool is_of_saved_run(const object_key_parts& object);

  connection& db_;
  statement read_;
  statement list_all_up_, list_all_down_, list_tenant_up_, list_tenant_down_;
  statement unfinished_;
  statement find_object_;
  statement find_saved_run_;
  dead_letters dead_letters_{db_};
  audit_reader audit_{db_};
  outbox_reader outbox_{db_};
  statement select_pauses_{db_, select_pauses};
  statement select_breakers_{db_, select_breakers};
};

} // namespace reel::sqlite
