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
  notes = 4,   ///< what happened to the cluster, and writes that were refused
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

// ---------------------------------------------------------------- what happens to the cluster

/// Values are stored and sent: never renumber.
enum class note_kind : std::uint8_t {
  member = 0,   ///< a node, as the scheduler sees it
  worker = 1,   ///< a GPU slot: can it be given work
  breaker = 2,  ///< a circuit breaker
  overload = 3, ///< far more waits than can be done
  refused = 4,  ///< what an execution brought was not taken: its fence was another's by then
};
std::string_view to_string(note_kind k);

/// The words of reel-check's lines. Values are stored and sent: never renumber.
enum class note_state : std::uint8_t { up = 0, suspect = 1, down = 2, open = 3, half_open = 4, closed = 5 };
std::string_view to_string(note_state s);

inline constexpr std::size_t notes_max = 512; ///< of one message: all that a scheduler of a large fleet tells at once

struct cluster_note {
  note_kind kind = note_kind::member;
  note_state state = note_state::up; ///< of overload: open is on; of refused: up
  std::string subject;               ///< a node's, worker's or model's name; empty: of the cluster
  std::string device;                ///< of a breaker: the class of GPU
  job_id job;                        ///< of a refused write, and its
  std::uint32_t fence = 0;
  bool operator==(const cluster_note&) const = default;
};

/// From the scheduler to the ledger, before the grants that it leads to: the audit log then shows why they were
/// allowed. Answered with done, with errc::not_leader, or with errc::invalid_argument for more than notes_max.
struct note_cluster {
  std::uint64_t term = 0;
  std::vector<cluster_note> notes;
  bool operator==(const note_cluster&) const = default;
};

} // namespace reel
