// overview.hpp: The whole line at a glance: what an operator's screen shows (reelctl status and top, the dashboard),
// asked for once a second. From the scheduler, at any time, also while it does not lead.
//
// Bounded, whatever the cluster: a few hundred kilobytes at most, some 20 KiB with 64 workers. And cheap, however many
// jobs wait: what is in it has been counted before, so that it costs microseconds per worker and nothing per job. Who
// needs all of something asks for it: describe_workers, describe_breakers, describe_queue.
#pragma once

#include <array>

#include "messages/breakers.hpp"
#include "messages/pauses.hpp"
#include "messages/worker.hpp"

namespace reel {

/// Answered with a line_overview.
struct describe_line {
  bool operator==(const describe_line&) const = default;
};

namespace overview_limits {
inline constexpr std::size_t workers = 256; ///< more than a screen can show: those in trouble first, then busy ones
inline constexpr std::size_t members = 16;  ///< of a worker's batch, of which `jobs` says the number
inline constexpr std::size_t breakers = 32; ///< those that are not closed first
inline constexpr std::size_t pauses = 32;   ///< made by hand
inline constexpr std::size_t alarms = 16;   ///< one for each alarm_kind
inline constexpr std::size_t samples = 60;  ///< the last ten minutes
} // namespace overview_limits

struct class_overview {
  std::uint64_t waiting = 0;   ///< jobs that could run now
  std::uint64_t running = 0;   ///< granted to a worker
  std::uint64_t oldest_ms = 0; ///< since the oldest of those that wait was made, to the second; 0: none waits
  bool operator==(const class_overview&) const = default;
};

struct worker_overview {
  worker_id id;
  worker_state state = worker_state::starting;
  bool silent = false; ///< its node has not been heard for a while
  bool preemptible = false;
  std::uint32_t restarts = 0;
  std::string device;
  std::uint64_t memory_bytes = 0;
  std::uint64_t used_bytes = 0; ///< 0: not known
  model_id resident;            ///< the model that it ran last; empty: none yet
  expert resident_expert = expert::none;
  std::string message; ///< why it is down or ejected

  // What it computes; a nil batch: nothing.
  batch_id batch;
  model_id model;
  std::int32_t width = 0, height = 0, frames = 0;
  std::uint32_t jobs = 0;      ///< with those that have joined
  std::vector<job_id> members; ///< the first of them
  run_phase phase = run_phase::waiting;
  std::int32_t step = 0, steps_total = 0;
  std::uint64_t since_ms = 0; ///< its grant
  std::uint64_t left_ms = 0;  ///< foretold; 0: not known
  std::uint32_t behind = 0;   ///< batches that wait on it for their turn
  bool operator==(const worker_overview&) const = default;
};

/// Ten seconds of the line.
struct line_sample {
  static constexpr std::chrono::seconds span{10};
  std::uint32_t accepted = 0;
  std::uint32_t started = 0; ///< for the first time
  std::uint32_t completed = 0;
  std::uint32_t failed = 0;  ///< for good, dead letters among them
  std::uint32_t retried = 0; ///< executions that ended in a retry
  std::uint32_t cancelled = 0;
  std::uint64_t wait_ms = 0;      ///< from acceptance to the start, of those that started: their mean
  std::uint64_t wait_most_ms = 0; ///< and the longest
  std::uint64_t waiting = 0;      ///< jobs at its end
  std::uint64_t running = 0;
  bool operator==(const line_sample&) const = default;
};

/// Of the last minute, in jobs (and of retries, executions).
struct line_rates {
  std::uint64_t accepted = 0, started = 0, completed = 0, failed = 0, retried = 0, cancelled = 0;
  bool operator==(const line_rates&) const = default;
};

/// What an operator should look at. In order of urgency.
enum class alarm_kind : std::uint8_t {
  not_leading = 0,     ///< no scheduler leads: nothing is started
  ledger_failing = 1,  ///< the ledger could not grant
  store_failing = 2,   ///< the object store's breaker is not closed
  no_workers = 3,      ///< none is ready
  breaker_open = 4,    ///< count: of models, not closed on their own; subject: the first one's model
  worker_ejected = 5,  ///< count; subject: the first one
  worker_silent = 6,   ///< likewise: its node is not heard
  worker_down = 7,     ///< likewise: it has no process, and should
  queue_near_full = 8, ///< count: jobs that wait; nine tenths of what is taken
  overloaded = 9,      ///< more waits than can be done in time: fallbacks stand in
  queue_paused = 10,   ///< subject: by whom
  tenants_paused = 11, ///< count; subject: the first one
  breaker_forced = 12, ///< count: by operators; subject: the first one's model
  leaving = 13,        ///< the node is being stopped: nothing is started
};
std::string_view to_string(alarm_kind k);
/// Jobs are not done, or worse is near; the others are for information.
bool is_urgent(alarm_kind k);

struct line_alarm {
  alarm_kind kind = alarm_kind::not_leading;
  std::uint64_t count = 0;
  std::string subject;
  bool operator==(const line_alarm&) const = default;
};
std::string to_string(const line_alarm& a); ///< one sentence

struct line_overview {
  wall_time at{}; ///< by the scheduler's clock
  std::uint64_t term = 0;
  bool recovering = true; ///< still reading the ledger

  std::array<class_overview, 4> classes{}; ///< by job_class
  std::uint64_t delayed = 0;               ///< jobs in retry_wait
  std::uint64_t running = 0;
  std::uint64_t batches = 0;
  std::uint64_t queued_most = 0; ///< jobs that may wait

  std::uint32_t workers_total = 0, workers_ready = 0, workers_busy = 0; ///< all of them
  std::vector<worker_overview> workers;                                 ///< by id
  std::uint32_t breakers_total = 0;
  std::vector<breaker_status> breakers;
  std::uint32_t pauses_total = 0;
  std::vector<queue_pause> pauses;
  std::vector<line_alarm> alarms;

  line_rates per_minute;
  std::vector<line_sample> samples; ///< oldest first; the last one is still being counted
  std::uint64_t sample_ms = 0;      ///< for which it has been
  std::uint64_t waiting() const {
    return classes[0].waiting + classes[1].waiting + classes[2].waiting + classes[3].waiting;
  }
  bool operator==(const line_overview&) const = default;
};

} // namespace reel
