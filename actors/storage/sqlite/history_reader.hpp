// history_reader.hpp: The audit log of a ledger file in the lines that reel-check reads (src/reel-check/HISTORY.md),
// page by page. Reads on any connection, also on one that somebody else writes beside: what was written never changes,
// and `position_max` keeps all pages of one history at the same moment. Used by the ledger's reader thread and, on a
// file that no process has open, by `reelctl history`.
//
// Pages go by job, because events are stored so and an index by position would cost every write; whoever wants them in
// order sorts by position.
#pragma once

#include "actors/storage/sqlite/connection.hpp"
#include "messages/errc.hpp"
#include "messages/history.hpp"
#include "messages/outcome.hpp"

namespace reel::sqlite {

class history_reader {
public:
  explicit history_reader(connection& db);

  /// errc::invalid_argument for an `after` that is none. Throws sqlite::error.
  outcome<history_page, errc> run(const read_history& m);

private:
  errc read_events(const read_history& m, history_page& page);
  errc read_leaders(const read_history& m, history_page& page);
  errc read_jobs(const read_history& m, history_page& page);
  errc read_tenants(const read_history& m, history_page& page);
  errc read_notes(const read_history& m, history_page& page);
  void find_clock(history_page& page);

  connection& db_;
  bool is_timed_ = false; ///< every event has its time on one clock; otherwise wall-clock time stands in
  statement events_, leaders_, jobs_, tenants_, notes_;
};

} // namespace reel::sqlite
