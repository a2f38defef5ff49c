// history.hpp: What an operator asks about the audit log: every transition of every job, as the ledger keeps it.
#pragma once

#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

/// What the audit log is made of. Values are sent: never renumber.
enum class history_part : std::uint8_t {
  events = 0,  ///< every transition of every job
  leaders = 1, ///< who led from when on
  jobs = 2,    ///< the rows as they are now
  tenants = 3, ///< what each was charged
};
std::string_view to_string(history_part p);

inline constexpr std::size_t history_lines_max = 1000;      ///< of a page: some 300 KiB
inline constexpr std::size_t history_line_bytes_max = 4096; ///< ids, hashes, and one key of the client, escaped

/// Pages through the audit log, in the lines that reel-check reads (src/reel-check/HISTORY.md). Inside a part they come
/// by job; whoever wants them in the order of `position` sorts. Answered with a history_page.
struct read_history {
  history_part part = history_part::events;
  job_id job;                     ///< only this one's; nil: all
  std::string after;              ///< `next` of the page before; empty: from the start
  std::uint64_t position_max = 0; ///< nothing later; 0: all until now. Later pages repeat what the first one said
  std::uint32_t lines_max = 1000; ///< 1 to history_lines_max
  bool operator==(const read_history&) const = default;
};
struct history_line {
  std::uint64_t position = 0; ///< 0: of a row, not of an event
  std::string text;           ///< JSON
  bool operator==(const history_line&) const = default;
};
struct history_page {
  std::vector<history_line> lines;
  std::string next;               ///< empty: this was the last page
  std::uint64_t position_max = 0; ///< of the last event that belongs to this history
  std::string clock;              ///< name of the clock of `mono_ns`
  bool operator==(const history_page&) const = default;
};

} // namespace reel
