// scheduler.hpp: What one says to the scheduler, and what it tells the gateways.
#pragma once

#include "messages/breakers.hpp"
#include "messages/pauses.hpp"
#include "messages/worker.hpp"

namespace reel {

/// Step 3, from the ledger after acceptance. Not the truth, only a hint that saves reading: a scheduler that
/// missed one is told to read all again (`complete` false: "there is more than this, read the ledger").
struct jobs_queued {
  std::vector<waiting_job> jobs;
  bool complete = true;
  bool operator==(const jobs_queued&) const = default;
};

/// A job was cancelled or deleted in the ledger: drop it from the queue or stop it on its worker.
struct job_cancelled {
  job_id id;
  bool operator==(const job_cancelled&) const = default;
};

/// Answered with a job_live; errc::not_found when the job is neither waiting nor running.
struct describe_job {
  job_id id;
  bool operator==(const describe_job&) const = default;
};
struct job_live {
  std::uint64_t queue_position = 0; ///< 1: next; 0: it runs
  std::uint64_t eta_ms = 0;         ///< predicted time until it has finished; 0: not known
  run_phase phase = run_phase::waiting;
  std::int32_t step = 0;
  std::int32_t steps_total = 0;
  bool operator==(const job_live&) const = default;
};

/// Why a job is where it is, with the figures. Answered with an explanation for every job that exists, else
/// errc::not_found.
struct explain_job {
  job_id id;
  bool operator==(const explain_job&) const = default;
};
enum class wait_reason : std::uint8_t {
  not_here = 0, ///< neither waiting nor running, and the ledger does not answer
  runs = 1,
  retry_later = 2, ///< failed before and waits for its time
  queue_paused = 3,
  tenant_paused = 4,
  no_worker_serves = 5, ///< no usable worker has its model
  no_worker_fits = 6,   ///< those that have it have too little memory
  window = 7,           ///< a worker is free; it waits for company
  turn = 8,             ///< workers are busy and others come first
  ended = 9,
  quota = 10,        ///< as many jobs of its tenant run as may
  off_peak = 11,     ///< of class free: waits for a window, for idle workers, or until its deadline or age calls
  breaker = 12,      ///< the circuit breakers of its model are open
  retry_budget = 13, ///< it failed before, and as many retries of its model run as may
  canary = 14,       ///< its content was poison: it waits until nothing else does and no other one like it runs
  second_stage = 16, ///< turn, with the steps of its model's first expert done
  store = 17,        ///< the object store takes nothing, and has not for long
};
std::string_view to_string(wait_reason r);

struct explanation {
  wait_reason why = wait_reason::not_here;
  job_state state = job_state::queued;
  job_class cls = job_class::standard;
  std::uint32_t attempts_used = 0;

  std::uint64_t position = 0;             ///< 1: next; 0: does not wait for a worker
  std::uint64_t eta_ms = 0;               ///< until it has finished; 0: not known
  std::uint64_t tenant_waiting = 0;       ///< jobs of its tenant in its class
  std::uint64_t class_waiting = 0;        ///< jobs of all tenants in its class
  std::uint64_t higher_waiting = 0;       ///< jobs in higher classes
  float weight = 1;                       ///< of its tenant
  std::uint64_t workers_serving = 0;      ///< usable and with its model
  std::uint64_t workers_fitting = 0;      ///< of these, with the memory for it
  std::uint64_t workers_idle = 0;         ///< of these, without a batch
  std::uint64_t needs_bytes = 0;          ///< upper bound of its peak alone; 0: not known
  std::uint64_t largest_device_bytes = 0; ///< of the workers that serve it
  std::uint64_t batch_size = 0;           ///< it would run in, or runs in
  std::optional<wall_time> not_before;    ///< retry_later; off_peak: the next window begins

  batch_id batch; ///< runs, or ran at last
  worker_id worker;
  std::int32_t step = 0, steps_total = 0;

  errc cause = errc::ok; ///< ended
  std::string message;
  std::uint64_t gpu_ms = 0;

  std::uint64_t tenant_running = 0; ///< quota: jobs of its tenant, or of its tenant in its class, that run
  std::uint64_t running_max = 0;    ///< and may run

  breaker_state breaker = breaker_state::closed; ///< breaker: of the one that lets it through first
  std::uint32_t breaker_failures = 0;            ///< of the attempts in its window
  std::uint32_t breaker_attempts = 0;
  std::uint64_t retries_running = 0; ///< retry_budget: of its model
  std::uint64_t retries_max = 0;     ///< and may run
  std::uint32_t batch_cap = 0;       ///< jobs in a batch that it may run in; 0: no limit of its own
  degrade_reason degraded = degrade_reason::none;
  std::int32_t until_step = 0;       ///< runs: is handed over after so many steps; 0: runs there to its end
  std::int32_t from_step = 0;        ///< runs: went on from there; 0: from the start, or before a restart of ours
  std::uint64_t workers_holding = 0; ///< second_stage: of those that fit, how many hold its expert
  bool operator==(const explanation&) const = default;
};

/// One sentence with the figures that matter.
std::string to_string(const explanation& e);

/// The whole set of jobs a gateway wants to hear of (it has open event streams for them); sent on change and
/// every few seconds, so a lost one heals. The scheduler answers with job_update messages to the gateway role
/// of `watcher`.
struct watch_jobs {
  node_id watcher;
  std::vector<job_id> ids; ///< at most limits::watched_jobs_max
  bool operator==(const watch_jobs&) const = default;
};
struct job_update {
  job_id id;
  job_state state = job_state::queued; ///< a terminal one is the last update
  job_live live;
  bool operator==(const job_update&) const = default;
};

/// For `reelctl workers` and the operators' views.
struct describe_workers {
  bool operator==(const describe_workers&) const = default;
};
struct workers_view {
  std::vector<worker_status> workers;
  std::vector<queue_pause> pauses; ///< why they may be idle
  bool operator==(const workers_view&) const = default;
};

struct describe_queue {
  bool operator==(const describe_queue&) const = default;
};
/// What waits of one tenant in one class.
struct tenant_backlog {
  tenant_id tenant;
  job_class cls = job_class::standard;
  std::uint64_t waiting = 0;  ///< jobs that could run now
  std::uint64_t position = 0; ///< in the queue, of the first of them
  bool operator==(const tenant_backlog&) const = default;
};
struct queue_view {
  std::array<std::uint64_t, 4> waiting{}; ///< by job_class
  std::uint64_t delayed = 0;              ///< in retry_wait
  std::uint64_t running = 0;
  std::uint64_t batches = 0;
  std::uint64_t term = 0;
  bool recovering = true; ///< still reading the ledger
  std::vector<queue_pause> pauses;
  std::vector<tenant_backlog> tenants; ///< those served next, at most 64; without paused ones
  std::uint64_t waiting_in_all() const { return waiting[0] + waiting[1] + waiting[2] + waiting[3]; }
  bool operator==(const queue_view&) const = default;
};

} // namespace reel
