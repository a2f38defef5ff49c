// worker.hpp: What batch supervisors, worker nodes and worker processes say to each other.
//
// Two hops: batch supervisor <-> slots actor of the worker's node (cluster link), slot <-> reel-worker process
// (local link). The same messages travel on both. A worker knows no tenants and no queue.
#pragma once

#include "messages/storage.hpp"

namespace reel {

struct run_job {
  job_id id;
  std::uint32_t fence = 0;
  std::vector<std::int32_t> prompt_tokens;
  std::vector<std::int32_t> negative_tokens;
  render_params params;
  std::string object_prefix; ///< where results go; opaque to the worker
  saved_run saved;           ///< go on from there; none: from the start
  model_id instead_of;       ///< the model that was asked for, when this one stands in for it; empty: this one was
  bool suspect = false;      ///< a process died while it ran: if another one does, that says nothing about the slot
  bool operator==(const run_job&) const = default;
};

/// Step 6. Answered with `done` once the worker has taken it (not when it has run), or errc::busy, unsupported,
/// draining. All jobs share one batch_key. Sending the same batch again is answered `done` and does nothing.
///
/// A batch that is to join begins at the next step of the one that runs there, in the same forward passes, where both
/// have the same key and the model can; else it waits for that one's end. Each ends by itself.
struct run_batch {
  batch_id batch;
  worker_id worker;
  std::chrono::milliseconds lease_ttl{}; ///< without a renewal for this long less a margin, the worker stops
  std::vector<run_job> jobs;             ///< at most limits::batch_jobs_max
  bool join = false;
  std::int32_t until_step = 0; ///< they end as errc::preempted, with their runs saved, once so many steps are done; 0:
                               ///< they run to the end, as those do whose runs cannot be saved
  std::chrono::milliseconds expected{}; ///< foretold run time; 0: not known. A run much longer is ended
  bool operator==(const run_batch&) const = default;
};

/// Keeps a batch's lease alive. errc::not_found when the worker does not have the batch.
///
/// The lease runs from the sending of the latest renewal whose answer came back in time. The worker cannot know when
/// that was, but which one it was: the next renewals say so. An answer counts only within limits::renewal_answer_max,
/// so that the worker received that renewal at most so much later than it was sent.
struct renew_lease {
  batch_id batch;
  worker_id worker;
  std::uint32_t number = 0;       ///< of this renewal, from 1 on, by this sender
  std::uint32_t acknowledged = 0; ///< the latest one whose answer came back in time; 0: none yet
  bool operator==(const renew_lease&) const = default;
};

/// Takes jobs out of a running batch at its next step; without job ids, the whole batch. With `keep` they end as
/// errc::preempted, and what was denoised of them as their result's saved run; a batch that is decoding already just
/// ends. Results are told with the batch's end, so a part that is paused waits for the rest.
struct stop_jobs {
  batch_id batch;
  worker_id worker;
  std::vector<job_id> jobs;
  bool keep = false;
  bool operator==(const stop_jobs&) const = default;
};

enum class run_phase : std::uint8_t { waiting = 0, encoding = 1, denoising = 2, decoding = 3, storing = 4 };
std::string_view to_string(run_phase p);

/// Told, never asked: lost progress is harmless.
struct batch_progress {
  batch_id batch;
  run_phase phase = run_phase::waiting;
  std::int32_t step = 0; ///< denoise steps done
  std::int32_t steps_total = 0;
  bool operator==(const batch_progress&) const = default;
};

/// What has been kept of a running batch, in case its process ends: told after each checkpoint is stored, and on to the
/// ledger, which answers with a save_answer. Jobs that were computed together share one saved run. A lost one costs
/// work and nothing else.
struct saved_job {
  job_id id;
  std::uint32_t fence = 0;
  saved_run saved;
  bool operator==(const saved_job&) const = default;
};
struct batch_saved {
  batch_id batch;
  std::vector<saved_job> jobs; ///< at most limits::batch_jobs_max
  std::uint64_t cost_us = 0;   ///< microseconds for which computing stood still
  bool operator==(const batch_saved&) const = default;
};

struct job_result {
  job_id id;
  std::uint32_t fence = 0;
  errc code = errc::ok; ///< ok, cancelled, preempted (stopped), out_of_memory, unavailable (could not store), internal
  std::string message;
  stored_object video;
  stored_object thumbnail;
  saved_run saved;           ///< of a preempted job; none: nothing was done, or it could not be stored
  bool forget_saved = false; ///< the saved run that it was given could not be used: it ran from the start
  bool operator==(const job_result&) const = default;
};

/// Of the two experts of a model that take turns on a device.
enum class expert : std::uint8_t { none = 0, high_noise = 1, low_noise = 2 };
std::string_view to_string(expert e);

/// What a batch had to do with such a model; all zero where both experts stay on the device, or there is but one.
struct expert_use {
  expert resident = expert::none; ///< on the device when the batch had ended
  std::int32_t high_steps = 0;    ///< of its schedule, those that the high-noise expert does, which are the first; 0:
                                  ///< none, or not known
  std::uint32_t loads = 0;        ///< experts brought to the device during the batch
  std::uint64_t load_ms = 0;      ///< and what that took
  bool operator==(const expert_use&) const = default;
};

/// The end of a batch. Repeated until it is answered, so a receiver must bear duplicates.
struct batch_finished {
  batch_id batch;
  worker_id worker;
  errc code = errc::ok; ///< of the batch as a whole: ok, crashed, lease_expired, out_of_memory, internal
  std::string message;
  std::vector<job_result> results; ///< empty unless code is ok
  std::uint64_t run_ms = 0;        ///< measured: first step's start to the last object stored
  std::uint64_t peak_bytes = 0;    ///< measured device (or process) memory at its highest; 0: not known
  std::uint32_t together = 0;      ///< most jobs computed at once, where batches joined: of these the peak is, and its
                                   ///< part of the run's time; 0: it ran alone
  expert_use experts;
  std::uint64_t fetch_ms = 0;     ///< before run_ms: its jobs' saved runs fetched
  std::uint64_t hand_over_ms = 0; ///< of run_ms: their texts encoded again, and runs saved here and stored
  bool operator==(const batch_finished&) const = default;
};

enum class worker_state : std::uint8_t {
  starting = 0, ///< process started, model loading
  ready = 1,
  down = 2,    ///< no process; will be restarted after a pause
  ejected = 3, ///< restarted too often; left alone until an operator acts
};
std::string_view to_string(worker_state s);

/// The message of a slot that has no process because there is no work for it.
inline constexpr std::string_view worker_not_needed = "not needed now";

struct worker_status {
  worker_id id;
  worker_state state = worker_state::starting;
  std::int64_t pid = 0; ///< 0: no process
  std::uint32_t restarts = 0;
  std::vector<model_id> models; ///< it can serve
  std::string device;           ///< "cpu", "NVIDIA H100", ...
  std::uint64_t memory_bytes = 0;
  std::uint32_t credits = 1;     ///< batches it takes at once: one running, the rest waiting on it
  std::vector<batch_id> batches; ///< in flight on it, running first
  std::string message;           ///< why it is down or ejected
  bool preemptible = false;      ///< its machine may be taken away: `models` are those whose runs can go on elsewhere
  std::uint64_t warm_runs = 0;   ///< empty inferences of its process, see worker_alive
  std::uint64_t used_bytes = 0;  ///< of memory_bytes, see worker_alive
  bool operator==(const worker_status&) const = default;
};

/// The whole truth of a node about its slots: on every change, after every reconnect, and once a second. The
/// receiver compares: a batch it believes there and that is missing is lost.
struct workers_report {
  node_id node;
  node_epoch epoch;
  bool draining = false;
  std::vector<worker_status> workers;
  bool operator==(const workers_report&) const = default;
};

/// How many of a node's slots are to have a process. Told once a second, so that a lost one heals; a node that hears
/// none keeps what it has. The node stays within its own bounds and stops only slots without a batch.
struct want_slots {
  node_id node;
  std::uint32_t slots = 0;
  bool operator==(const want_slots&) const = default;
};

/// A termination notice: the node's machine is about to be taken away. From operators to a node with the scheduler
/// role, which passes it on; answered with `done` when the node has it, errc::not_found when there is no such worker
/// node. The node pauses its batches with their work kept, and ends within limits of its own (node_supervisor.hpp).
struct evict_node {
  node_id node;
  bool operator==(const evict_node&) const = default;
};

/// Starts a slot that was ejected, or one whose process waits for its next start, at once and with a fresh budget of
/// restarts. From operators to a node with the scheduler role, which passes it on; answered with `done` when the slot
/// is being started, errc::not_found when there is no such worker, conflict when it has a process.
struct restart_slot {
  worker_id worker;
  bool operator==(const restart_slot&) const = default;
};

/// First words of a reel-worker process to its node.
struct worker_ready {
  worker_id id;
  std::vector<model_id> models;
  std::string device;
  std::uint64_t memory_bytes = 0;
  std::vector<model_id> resumable; ///< of `models`: their runs can be saved and go on in another process
  bool operator==(const worker_ready&) const = default;
};

/// Once a second from a thread of its own: the process lives; the counter shows whether the computation moves.
struct worker_alive {
  worker_id id;
  std::uint64_t progress = 0;   ///< grows with every denoise step, encode and decoded frame
  std::uint64_t warm_runs = 0;  ///< empty inferences that kept it warm while it had no work
  std::uint64_t used_bytes = 0; ///< of its device's memory, by its process; 0: not known
  bool operator==(const worker_alive&) const = default;
};

} // namespace reel
