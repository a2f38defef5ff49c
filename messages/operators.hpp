// operators.hpp: What operators order and ask over the cluster link. Who an operator is and what he may do, his key
// says: its name is "viewer", "operator" or "admin", alone or with a person's name behind a point ("operator.alice").
//
// Every order is an `operate`: a verb, what it is about, a value, and why. The desk of his key (operators_desk.hpp)
// writes it to the audit log of the ledger before it is carried out, and how it ended after that.
#pragma once

#include <optional>

#include "messages/job.hpp"

namespace reel {

/// What a key is good for; each may do all that the ones before it may. Values are stored and sent: never renumber.
enum class operator_right : std::uint8_t {
  viewer = 0,  ///< looks
  operate = 1, ///< changes what the line does now
  admin = 2,   ///< and who may use it
};
std::string_view to_string(operator_right r);

/// Of the owner of a link key; nothing: the name is no operator's.
std::optional<operator_right> right_of(const node_id& key);

/// Several programs may use one key at once, each under a name of its own: "operator", "operator_2", ...
inline constexpr int operator_seats = 8;
node_id seat_of(const node_id& key, int number); ///< from 1 on

/// Values are stored and sent: never renumber.
enum class action_kind : std::uint8_t {
  pause = 0,        ///< subject: tenant; empty: the whole queue
  resume = 1,       ///< likewise
  breaker = 2,      ///< subject: MODEL or MODEL/CLASS; value: open, close, reset
  reprioritise = 3, ///< subject: job; value: class
  cancel = 4,       ///< subject: job
  redrive = 5,      ///< subject: job, or how many
  evict = 6,        ///< subject: node
  restart_slot = 7, ///< subject: worker
  drain = 8,        ///< subject: node or worker: gets no more work
  undrain = 9,
};
std::string_view to_string(action_kind k);
operator_right needed_for(action_kind k);
/// Work is lost or put off: a person is asked first.
bool is_destructive(action_kind k);

inline constexpr std::size_t action_text_bytes_max = 256; ///< subject and value
inline constexpr std::size_t action_why_bytes_max = 512;

/// Answered with an operate_answer.
struct operate {
  action_kind kind = action_kind::pause;
  std::string subject;
  std::string value;
  std::string why; ///< may be empty, but not where a job becomes urgent
  bool operator==(const operate&) const = default;
};
struct operate_answer {
  errc code = errc::ok;
  std::string text; ///< one sentence: what was done, or why not and what is allowed
  bool operator==(const operate_answer&) const = default;
};

// ---------------------------------------------------------------- the audit log

/// A line of it.
struct audit_entry {
  std::uint64_t number = 0; ///< from 1 on
  wall_time at{};           ///< when it was ordered
  std::string who;          ///< the key's name; "tenant:NAME" of one who came over HTTP
  operate what;
  std::optional<errc> ended; ///< how; none: not heard of (its process ended on the way)
  bool operator==(const audit_entry&) const = default;
};

/// To the ledger: an order begins (number 0; answered with its number), or has ended.
struct note_action {
  std::uint64_t number = 0;
  std::string who;
  operate what;
  errc ended = errc::ok; ///< with a number
  bool operator==(const note_action&) const = default;
};
struct action_noted {
  std::uint64_t number = 0;
  bool operator==(const action_noted&) const = default;
};

/// Answered with an audit_page, the latest first.
struct read_audit {
  std::uint64_t before = 0; ///< only older ones; 0: from the latest on
  std::string who;          ///< whose; empty: anybody's
  std::uint32_t limit = 50; ///< 1 to 100
  bool operator==(const read_audit&) const = default;
};
struct audit_page {
  std::vector<audit_entry> entries;
  bool has_more = false;
  bool operator==(const audit_page&) const = default;
};

// ---------------------------------------------------------------- looking for jobs

inline constexpr std::uint32_t find_jobs_limit_max = 100;

/// Newest first. Answered with found_jobs. Looks at a bounded number of rows: pages of rare jobs are short.
struct find_jobs {
  std::vector<job_state> states; ///< empty: any
  tenant_id tenant;              ///< empty: all
  std::optional<job_class> cls;
  model_id model;                     ///< requested or served; empty: any
  batch_id batch;                     ///< of their latest grant; nil: any
  std::optional<wall_time> made_from; ///< made then or later
  std::optional<wall_time> made_to;   ///< made before then
  std::optional<job_id> after;        ///< the last one looked at
  std::uint32_t limit = 20;           ///< 1 to find_jobs_limit_max
  bool operator==(const find_jobs&) const = default;
};
struct found_jobs {
  std::vector<job_record> jobs; ///< with prompts cut to what a screen shows, and without tokens
  std::optional<job_id> next;   ///< there may be more behind this one; none: that was all
  bool operator==(const found_jobs&) const = default;
};

} // namespace reel
