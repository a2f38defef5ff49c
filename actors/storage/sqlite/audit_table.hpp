// audit_table.hpp: The table of operators' orders. Written and read by the ledger's writer and reader, each on its own
// connection. Keeps the latest audit_entries_max.
#pragma once

#include "actors/storage/sqlite/columns.hpp"
#include "messages/operators.hpp"

namespace reel::sqlite {

inline constexpr std::int64_t audit_entries_max = 1'000'000; ///< made by hand; some 200 bytes each

class audit_writer {
public:
  explicit audit_writer(connection& db) : db_{db} {}

  std::uint64_t begin(const note_action& m, wall_time now) {
    insert_.execute(ms_of(now), std::string_view{m.who}, m.what.kind, std::string_view{m.what.subject},
                    std::string_view{m.what.value}, std::string_view{m.what.why});
    const auto number = sqlite3_last_insert_rowid(db_.raw());
    if (number > audit_entries_max) forget_.execute(number - audit_entries_max);
    return static_cast<std::uint64_t>(number);
  }
  bool end(const note_action& m) { return end_.execute(m.number, m.ended) == 1; }

private:
  connection& db_;
  statement insert_{db_, "INSERT INTO audit VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?6, NULL)"};
  statement end_{db_, "UPDATE audit SET ended = ?2 WHERE number = ?1"};
  statement forget_{db_, "DELETE FROM audit WHERE number <= ?1"};
};

class audit_reader {
public:
  explicit audit_reader(connection& db) : db_{db} {}

  audit_page page(const read_audit& m) {
    const auto limit = std::clamp(m.limit, 1u, 100u);
    const auto before = m.before == 0 ? INT64_MAX : static_cast<std::int64_t>(m.before);
    audit_page page;
    for (auto row = list_.query(before, std::string_view{m.who}); row.next();) {
      if (page.entries.size() == limit) {
        page.has_more = true;
        break;
      }
      audit_entry e;
      e.number = static_cast<std::uint64_t>(row.integer(0));
      e.at = time_from(row.integer(1));
      e.who = row.text(2);
      e.what = {static_cast<action_kind>(row.integer(3)), std::string{row.text(4)}, std::string{row.text(5)},
                std::string{row.text(6)}};
      if (!row.is_null(7)) e.ended = static_cast<errc>(row.integer(7));
      page.entries.push_back(std::move(e));
    }
    return page;
  }

private:
  connection& db_;
  statement list_{db_, "SELECT number, at_ms, who, kind, subject, value, why, ended FROM audit "
                       "WHERE number < ?1 AND (?2 = '' OR who = ?2) ORDER BY number DESC"};
};

} // namespace reel::sqlite
