// storage.hpp: What one says to the storage role: the ledger (job rows, the only truth) and the object store.
// Who sends what: design.md, "A job's way". Every answer with a vector has one entry per entry asked, in order.
#pragma once

#include "messages/blob.hpp"
#include "messages/job.hpp"
#include "messages/quota.hpp"

namespace reel {

/// The answer of calls that have nothing to say but "it is done".
struct done {
  bool operator==(const done&) const = default;
};

// ---------------------------------------------------------------- ledger: from the gateway

/// Step 2 of a job's way. Durable before it is answered.
struct accept_jobs {
  std::vector<job_request> jobs; ///< at most limits::accept_jobs_max
  bool operator==(const accept_jobs&) const = default;
};
struct accept_answer {
  errc code = errc::ok; ///< key_reused, quota_exceeded, queue_full, no_space
  job_id id;            ///< of the job that now exists: for a replay, of the first one
  bool replayed = false;
  quota_standing quota;            ///< not of a replay
  std::uint32_t retry_after_s = 0; ///< of queue_full: by then the queue will be shorter; 0: not known
  bool operator==(const accept_answer&) const = default;
};
struct accept_answers {
  std::vector<accept_answer> answers;
  bool operator==(const accept_answers&) const = default;
};

/// Answered with a job_record, or errc::not_found (also for another tenant's job and a deleted one).
struct read_job {
  tenant_id tenant; ///< empty: an operator, who sees all
  job_id id;
  bool operator==(const read_job&) const = default;
};

struct list_jobs {
  tenant_id tenant; ///< empty: all tenants
  std::optional<job_id> after;
  std::uint32_t limit = 20; ///< 1 to 100
  bool ascending = false;   ///< by creation
  bool operator==(const list_jobs&) const = default;
};
struct job_page {
  std::vector<job_record> jobs;
  bool has_more = false;
  bool operator==(const job_page&) const = default;
};

/// A waiting job is cancelled at once; a running one is marked and stops at its next step: from then on no commit
/// of it can succeed. errc::conflict when it has already ended.
struct cancel_job {
  tenant_id tenant;
  job_id id;
  bool operator==(const cancel_job&) const = default;
};
struct cancel_answer {
  job_state state = job_state::cancelled;
  bool stopping = false; ///< it was running: the scheduler has to be told
  bool operator==(const cancel_answer&) const = default;
};

/// Gives a waiting job another class. Answered with a reprioritise_answer, or errc::not_found as for read_job.
struct reprioritise_job {
  tenant_id tenant; ///< whose job it must be; empty: anybody's
  job_id id;
  job_class to = job_class::standard;
  bool operator==(const reprioritise_job&) const = default;
};
struct reprioritise_answer {
  errc code = errc::ok; ///< conflict: it runs, or has ended; quota_exceeded: the other class has no room
  job_state state = job_state::queued;
  job_class from = job_class::standard; ///< the class until now
  job_class to = job_class::standard;   ///< the class from now on, or that has no room
  bool operator==(const reprioritise_answer&) const = default;
};

/// Hides the job from its tenant for ever; cancels it first where needed. Its objects become orphans, which the
/// sweeper removes. Answered with a delete_answer.
struct delete_job {
  tenant_id tenant;
  job_id id;
  bool operator==(const delete_job&) const = default;
};
struct delete_answer {
  bool stopping = false;                ///< it was running: the scheduler has to be told
  std::vector<std::string> object_keys; ///< what can be removed now
  bool operator==(const delete_answer&) const = default;
};

// ---------------------------------------------------------------- ledger: from the scheduler and its supervisors

/// Makes the caller the one scheduler: raises the term; every older term is refused from now on.
struct take_leadership {
  node_id node;
  node_epoch epoch;
  bool operator==(const take_leadership&) const = default;
};
struct leadership {
  std::uint64_t term = 0;
  bool operator==(const leadership&) const = default;
};

/// What the scheduler knows of a job that has not ended.
struct waiting_job {
  job_id id;
  tenant_id tenant;
  job_class cls = job_class::standard;
  batch_key key;
  std::optional<wall_time> deadline;
  job_state state = job_state::queued;
  std::uint32_t generation = 1;
  std::uint32_t fence = 0;
  std::uint32_t attempts_used = 0;
  std::optional<wall_time> not_before; ///< in retry_wait
  bool cancel_requested = false;
  batch_id batch;               ///< while leased
  worker_id worker;             ///< while leased
  std::int32_t saved_steps = 0; ///< denoise steps that its saved run spares; 0: it begins from the start
  bool next_turn = false;       ///< goes before the other jobs of its tenant in its class
  std::uint64_t theme = 0;      ///< of its prompt: prompt_theme.hpp; 0: not known
  bool keeps_model = false;     ///< the fallback of its model may not stand in
  recovery_mark recovery;
  bool operator==(const waiting_job&) const = default;
};

/// Pages through all jobs that have not ended, by id: how a scheduler starts.
struct unfinished_jobs {
  std::optional<job_id> after;
  std::uint32_t limit = 1000;
  bool operator==(const unfinished_jobs&) const = default;
};
struct unfinished_page {
  std::vector<waiting_job> jobs;
  bool has_more = false;
  bool operator==(const unfinished_page&) const = default;
};

/// Step 5. One transaction: fence+1, state leased, attempt rows. errc::not_leader refuses the whole call; single
/// jobs that cannot be leased any more (cancelled meanwhile) are answered with errc::stale and left out, and so are
/// those that another model may not serve, and those that are to run as canaries from now on: read them again.
struct grant_batch {
  std::uint64_t term = 0;
  batch_id batch; ///< also names the lease
  worker_id worker;
  model_id served_model;
  std::vector<job_id> jobs;                      ///< at most limits::batch_jobs_max
  degrade_reason degrade = degrade_reason::none; ///< of those that asked for another model and are not degraded yet
  bool operator==(const grant_batch&) const = default;
};
struct granted_job {
  errc code = errc::ok;
  std::uint32_t generation = 1;
  std::uint32_t fence = 0;
  std::uint32_t attempts_used = 0; ///< before this one
  job_request request;
  saved_run saved; ///< where it goes on; none: from the start
  recovery_mark recovery;
  bool operator==(const granted_job&) const = default;
};
struct grant_answer {
  std::vector<granted_job> jobs;
  bool operator==(const grant_answer&) const = default;
};

/// How one execution ended, as decided by the batch supervisor. Values are stored and sent: never renumber.
enum class verdict : std::uint8_t {
  succeeded = 0,
  retry = 1,  ///< back to waiting, not before `not_before`
  failed = 2, ///< terminal, with cause and message
  cancelled = 3,
  dead_letter = 4,
};
std::string_view to_string(verdict v);

/// What one execution took, as its worker measured it. All zero: not measured.
struct stage_times {
  std::uint32_t encode_ms = 0, denoise_ms = 0, decode_ms = 0, store_ms = 0;
  std::int32_t steps = 0; ///< denoise steps done there
  bool operator==(const stage_times&) const = default;
};

struct job_outcome {
  job_id id;
  std::uint32_t fence = 0;
  verdict how = verdict::succeeded;
  bool counted = true; ///< does this execution count against the retry limit
  errc cause = errc::ok;
  std::string message;
  std::optional<wall_time> not_before;
  stored_object video;
  stored_object thumbnail;
  std::uint64_t gpu_ms = 0;
  saved_run saved;           ///< of a retry: kept with the job, in place of an earlier one; none: that one stays
  bool forget_saved = false; ///< of a retry: the saved run that the job was given is of no use
  std::optional<recovery_mark> recovery; ///< of a retry or a dead letter: the job's from now on; none: stays as it is
  stage_times times{};
  bool operator==(const job_outcome&) const = default;
};

/// Steps 8 and 8'. One transaction for the batch; each job on its own condition (state leased and this fence).
/// Per job: ok; stale (another grant or an end came first: discard); cancelled (a success came after a cancel
/// request: the job is now cancelled and the result an orphan).
struct end_batch {
  std::uint64_t term = 0;
  batch_id batch;
  std::vector<job_outcome> outcomes;
  bool operator==(const end_batch&) const = default;
};
struct end_answer {
  std::vector<errc> codes;
  std::vector<std::int32_t> saved_steps; ///< by outcome: what the saved run spares with which the job waits; 0: none
  std::vector<std::string> released;     ///< keys of saved runs that no job has any more
  bool operator==(const end_answer&) const = default;
};

/// The answer to batch_saved (worker.hpp). Jobs that no longer run in that batch, or are to be cancelled, keep what
/// they have.
struct save_answer {
  std::vector<std::string> released; ///< keys of saved runs that no job has any more
  bool operator==(const save_answer&) const = default;
};

// ---------------------------------------------------------------- objects

struct object_write {
  std::string key; ///< made by make_object_key(): never from client text
  sha256_digest sha256;
  blob data;
  bool operator==(const object_write&) const = default;
};

/// Step 7. Durable and read back before it is answered; per object: ok, conflict (key exists with other bytes),
/// corrupt (hash differs), no_space, unavailable. Writing the same bytes again is ok.
struct put_objects {
  std::vector<object_write> objects;
  bool operator==(const put_objects&) const = default;
};
struct put_answer {
  std::vector<errc> codes;
  bool operator==(const put_answer&) const = default;
};

struct read_object {
  std::string key;
  std::uint64_t offset = 0;
  std::uint64_t length_max = 0; ///< at most limits::object_slice_bytes_max
  bool operator==(const read_object&) const = default;
};
struct object_slice {
  std::uint64_t object_bytes = 0; ///< size of the whole object
  blob data;                      ///< shorter than asked only at the end
  bool operator==(const object_slice&) const = default;
};

/// A saved run goes with all its parts, but for those that it shares with one of `kept`.
struct delete_objects {
  std::vector<std::string> keys; ///< those that do not exist are fine
  std::vector<std::string> kept{};
  bool operator==(const delete_objects&) const = default;
};

// ---------------------------------------------------------------- keys

enum class artifact : std::uint8_t { video = 0, thumbnail = 1, saved_run = 2 };

/// "t/<tenant>/j/<job>/g<generation>/f<fence>": everything the server decides; the fence makes each execution's
/// objects distinct, so that nothing is ever overwritten.
std::string object_prefix(const tenant_id& tenant, const job_id& job, std::uint32_t generation, std::uint32_t fence);

/// The prefix, "-<sha256>" and ".mp4", ".png" or ".run".
std::string make_object_key(std::string_view prefix, artifact kind, const sha256_digest& sha256);

/// Takes a key apart again; empty for anything make_object_key() would not have made.
struct object_key_parts {
  tenant_id tenant;
  job_id job;
  std::uint32_t generation = 0;
  std::uint32_t fence = 0;
  artifact kind = artifact::video;
  sha256_digest sha256;
  bool operator==(const object_key_parts&) const = default;
};
std::optional<object_key_parts> parse_object_key(std::string_view key);

} // namespace reel
