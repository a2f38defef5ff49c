// reader.hpp: The reading half of the SQLite ledger: builds records from rows, on a connection that cannot
// write. Owned and called by the ledger's reader thread. All reads between begin() and end() see the same
// moment.
#pragma once

#include "actors/storage/sqlite/connection.hpp"
#include "messages/outcome.hpp"
#include "messages/storage.hpp"

namespace reel::sqlite {

class reader {
public:
  explicit reader(connection& db);

  void begin() { db_.run("BEGIN"); }
  void end(); ///< never throws

  /// errc::corrupt where the stored request is damaged.
  outcome<job_record, errc> run(const read_job& m);
  /// A job with a damaged request is listed without it, with errc::corrupt as its error.
  outcome<job_page, errc> run(const list_jobs& m);
  outcome<unfinished_page, errc> run(const unfinished_jobs& m);
  outcome<std::vector<bool>, errc> run(const std::vector<object_key_parts>& objects);

private:
  bool is_referenced(const object_key_parts& object);

  connection& db_;
  statement read_;
  statement list_all_up_, list_all_down_, list_tenant_up_, list_tenant_down_;
  statement unfinished_;
  statement find_object_;
};

} // namespace reel::sqlite
