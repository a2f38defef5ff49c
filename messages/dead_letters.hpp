// dead_letters.hpp: What operators ask about jobs that ended without a result, and how they give them another life.
// The scheduler answers, on the ledger's word (actors/protocols.hpp, operations_protocol).
#pragma once

#include "messages/job.hpp"

namespace reel {

inline constexpr std::size_t redrive_reason_bytes_max = 512; ///< kept for the audit
inline constexpr std::size_t inspected_events_max = 512;     ///< 20 grants and their ends for ten generations

/// Answered with a dead_page: jobs that failed or are dead-lettered and were not deleted, by id.
struct read_dead {
  tenant_id tenant;      ///< empty: all
  errc cause = errc::ok; ///< ok: any
  std::optional<job_id> after;
  std::uint32_t limit = 100; ///< 1 to 100
  bool operator==(const read_dead&) const = default;
};

struct dead_job {
  job_id id;
  tenant_id tenant;
  job_class cls = job_class::standard;
  model_id model;
  job_state state = job_state::dead_letter; ///< or failed
  errc cause = errc::ok;
  std::string message;
  std::uint32_t generation = 1;
  std::uint32_t attempts_used = 0;
  wall_time created_at{};
  wall_time ended_at{};
  bool operator==(const dead_job&) const = default;
};
struct dead_page {
  std::vector<dead_job> jobs;
  std::optional<job_id> next; ///< there may be more behind this one; none: that was all
  bool operator==(const dead_page&) const = default;
};

/// What happened to a job. Values are stored and sent: never renumber.
enum class event_kind : std::uint8_t {
  accepted = 0,
  granted = 1,
  cancel_requested = 2, ///< leased -> leased
  ended = 3,            ///< an execution: to a terminal state or to retry_wait; or the job without one
  removed = 4,          ///< hidden from its tenant; the state stays
  reprioritised = 5,    ///< in another class from then on; the state stays
  redriven = 6,         ///< by an operator: waits again, in a new generation
};
std::string_view to_string(event_kind k);

/// Answered with a job_inspection for every job that was not deleted, else errc::not_found.
struct inspect_job {
  job_id id;
  bool operator==(const inspect_job&) const = default;
};

/// A transition of the job, as it was written down.
struct job_event {
  std::uint32_t version = 1;
  std::uint32_t generation = 1;
  wall_time at{};
  event_kind kind = event_kind::accepted;
  job_state to = job_state::queued;
  std::uint32_t fence = 0;
  worker_id worker; ///< of the execution that was granted or ended; else empty
  errc cause = errc::ok;
  bool counted = false; ///< the execution, against the retry limit
  std::uint64_t gpu_ms = 0;
  tenant_id by;               ///< redriven: who said so
  std::string reason;         ///< redriven: and why
  std::int32_t from_step = 0; ///< granted: denoise steps that its saved run spared; 0: it began from the start
  bool operator==(const job_event&) const = default;
};
struct job_inspection {
  job_record job;
  std::vector<job_event> events; ///< in order; only the last inspected_events_max
  bool operator==(const job_inspection&) const = default;
};

/// Each job that failed or is dead-lettered waits again, as if it had just been accepted: a new generation, no
/// executions used; its fence goes on rising. It counts in its tenant's queue and, as at first, for the day on which it
/// was accepted; the tenant's own limits do not hold an operator back. Answered with accept_answers, one per job: ok;
/// not_found; conflict: it has not ended, or succeeded, or was cancelled; deadline_exceeded: its deadline has passed;
/// queue_full, no_space, corrupt. errc::invalid_argument refuses the whole.
struct redrive_jobs {
  std::vector<job_id> jobs; ///< at most limits::accept_jobs_max
  tenant_id by;             ///< who wants it; a name as tenants have
  std::string reason;       ///< why, for the audit: 1 to redrive_reason_bytes_max bytes
  bool operator==(const redrive_jobs&) const = default;
};

} // namespace reel
