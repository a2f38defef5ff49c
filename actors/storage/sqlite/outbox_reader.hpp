// outbox_reader.hpp: What is due in the outbox. Used by the ledger's reader.
#pragma once

#include "actors/storage/outbox.hpp"
#include "actors/storage/sqlite/rows.hpp"
#include "messages/outcome.hpp"
#include "runtime/observe/log.hpp"

namespace reel::sqlite {

class outbox_reader {
public:
  explicit outbox_reader(connection& db) : db_{db} {}

  std::vector<outbox_entry> due(const read_outbox& m) {
    std::vector<outbox_entry> all;
    const auto limit = std::clamp<std::size_t>(m.limit, 1, 256);
    for (auto row = due_.query(ms_of(m.now)); all.size() < limit && row.next();) all.push_back(entry_from(row));
    for (auto row = misdated_.query(ms_of(m.now + m.ahead_max)); all.size() < limit && row.next();)
      all.push_back(entry_from(row));
    return all;
  }

private:
  /// Columns of sql().
  static outbox_entry entry_from(const statement::cursor& row) {
    outbox_entry e;
    e.job = id_from<job_id>(row.blob(0));
    e.generation = static_cast<std::uint32_t>(row.integer(1));
    e.tenant.value = row.text(2);
    e.body = row.text(3);
    e.made_at = time_from(row.integer(4));
    e.tries = static_cast<std::uint32_t>(row.integer(5));
    const bool sound = checksum_of(delivery_constants{e.job, e.generation, e.body, row.integer(4)}) == row.integer(6) &&
                       checksum_of(webhook_row{row.integer(7), row.text(8)}) == row.integer(9);
    if (!sound) log::error("a webhook's row is damaged: not delivered", {{"job", to_string(e.job)}});
    if (sound && row.integer(10) == 0) e.url = row.text(8);
    return e;
  }

  static std::string sql(const char* which) {
    return std::string{"SELECT d.id, d.generation, t.name, d.body, d.made_ms, d.tries, d.crc, w.job_no, w.url, w.crc, "
                       "j.hidden FROM delivery d INDEXED BY delivery_due JOIN job j ON j.id = d.id "
                       "LEFT JOIN tenant t ON t.no = j.tenant_no LEFT JOIN webhook w ON w.job_no = d.job_no "
                       "WHERE d.state = 0 AND "} +
           which + " ORDER BY d.due_ms";
  }

  connection& db_;
  statement due_{db_, sql("d.due_ms <= ?1").c_str()}, misdated_{db_, sql("d.due_ms > ?1").c_str()};
};

} // namespace reel::sqlite
