// outbox.hpp: What the ledger owes to the webhooks of jobs that ended. It is written in the transaction that ends the
// job, with the very bytes that will be posted: every try sends the same ones under the same id, so that a receiver
// knows a repetition. The delivery actor (actors/delivery) takes what is due and says how it went. Jobs that were
// cancelled or deleted tell nobody.
//
// In-process only: the actor runs beside the ledger, so there is one of it. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/job.hpp"

namespace reel {

/// "video_0123.../1": of one job in one generation.
std::string delivery_id(const job_id& job, std::uint32_t generation);

/// The event of a job that ended at `at`, as JSON. `state` is succeeded, failed or dead_letter.
std::string outbox_body(const job_id& job, std::uint32_t generation, job_state state, wall_time at);

inline bool is_told(job_state end) { return is_terminal(end) && end != job_state::cancelled; }

struct outbox_entry {
  job_id job;
  std::uint32_t generation = 1;
  tenant_id tenant;
  std::string url; ///< empty: the job was deleted meanwhile, or its row is damaged: to be given up
  std::string body;
  wall_time made_at{};
  std::uint32_t tries = 0;
  bool operator==(const outbox_entry&) const = default;
};

/// Those that are due, longest first. A due time further ahead than `ahead_max` comes from a clock that jumped and
/// counts as due.
struct read_outbox {
  wall_time now{};
  std::chrono::milliseconds ahead_max{};
  std::uint32_t limit = 64;
};

/// Values are stored: never renumber.
enum class delivery_state : std::uint8_t { waits = 0, delivered = 1, given_up = 2 };

/// How the latest try went. Of an entry that does not wait any more, it is not taken.
struct delivery_result {
  job_id job;
  std::uint32_t generation = 1;
  delivery_state state = delivery_state::waits;
  std::uint32_t tries = 0; ///< so far
  int status = 0;          ///< HTTP, of the latest; 0: there was no answer
  wall_time due{};         ///< when it waits: the next try
  bool operator==(const delivery_result&) const = default;
};

} // namespace reel
