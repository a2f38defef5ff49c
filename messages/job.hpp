// job.hpp: What a job is: the request as accepted (immutable), and the ledger's row about it (changes).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/errc.hpp"
#include "messages/ids.hpp"

namespace reel {

/// Order of service, first to last. Values are stored and sent: never renumber.
enum class job_class : std::uint8_t { urgent = 0, vip = 1, standard = 2, free = 3 };

/// State machine of the ledger; the last four are terminal and absorbing within a generation.
/// Values are stored and sent: never renumber.
enum class job_state : std::uint8_t {
  queued = 0,     ///< accepted, waits for a worker
  leased = 1,     ///< granted to a worker under the row's fence
  retry_wait = 2, ///< failed once or more, waits until `not_before`
  succeeded = 3,
  failed = 4,
  cancelled = 5,
  dead_letter = 6, ///< cannot run (poison, or nowhere to place it); an operator may redrive it
};

enum class sampler_kind : std::uint8_t { unipc = 0, dpmpp = 1, euler = 2 };

/// Why a job is served by the fallback of the model that it asked for. Values are stored and sent: never renumber.
enum class degrade_reason : std::uint8_t {
  none = 0,     ///< it is not
  breaker = 1,  ///< the model's circuit breaker was open
  overload = 2, ///< the wait for the model was too long
  resource = 3, ///< it needs more memory on the model than there is
  retries = 4,  ///< it failed on every allowed execution on the model
};

std::string_view to_string(job_class c);
std::string_view to_string(job_state s);
std::string_view to_string(degrade_reason r);
std::string_view to_string(sampler_kind s);
std::optional<job_class> parse_job_class(std::string_view text);
std::optional<sampler_kind> parse_sampler(std::string_view text);

constexpr bool is_terminal(job_state s) { return s >= job_state::succeeded; }

/// Everything the model needs beside the text; two jobs whose `batch_key` agrees can share a forward pass.
struct render_params {
  model_id model;
  std::int32_t width = 0;  ///< pixels
  std::int32_t height = 0; ///< pixels
  std::int32_t frames = 0; ///< 4n+1
  std::int32_t fps = 0;
  std::int32_t steps = 0; ///< denoise steps
  sampler_kind sampler = sampler_kind::unipc;
  float guidance_high = 0; ///< classifier-free guidance scale of the high-noise expert
  float guidance_low = 0;  ///< and of the low-noise expert
  float flow_shift = 0;
  std::uint64_t seed = 0;
  bool operator==(const render_params&) const = default;
};

/// What must agree for jobs to run in one batch.
struct batch_key {
  model_id model;
  std::int32_t width = 0, height = 0, frames = 0, steps = 0;
  sampler_kind sampler = sampler_kind::unipc;
  float flow_shift = 0;
  std::int32_t steps_done = 0; ///< of jobs that go on from a saved run: how the scheduler keeps them apart from others
  // Likewise, and of no matter to time and memory:
  std::uint16_t batch_cap = 0; ///< jobs in a batch at most; 0: no limit of their own
  bool keeps_model = false;    ///< the model's fallback may not stand in
  bool canary = false;         ///< recovery_mark::canary
  std::int32_t steps_left() const { return std::max(1, steps - steps_done); }
  /// What is left is what computing takes the same for.
  void forget_who() {
    steps_done = 0;
    batch_cap = 0;
    keeps_model = canary = false;
  }
  auto operator<=>(const batch_key&) const = default;
};
batch_key key_of(const render_params& p);
std::string to_string(const batch_key& k); ///< "wan-small 64x64x17 20 unipc", for logs and tables

/// One accepted request. Immutable from acceptance on, but for its class (reprioritise_job); the ledger keeps it under
/// a checksum.
struct job_request {
  job_id id;
  tenant_id tenant;
  job_class cls = job_class::standard;
  wall_time created_at{};
  std::optional<wall_time> deadline; ///< the client's; the job fails with deadline_exceeded after it
  std::string prompt;                ///< UTF-8, at most 8 KiB
  std::string negative_prompt;       ///< UTF-8; already the model's default where the client gave none
  std::vector<std::int32_t> prompt_tokens;
  std::vector<std::int32_t> negative_tokens;
  render_params params;
  bool allow_degraded = true;                                ///< may the light model stand in
  std::vector<std::pair<std::string, std::string>> metadata; ///< the client's, at most 16 pairs, returned as given
  std::string idempotency_key;                               ///< empty: none
  sha256_digest payload_sha256;                              ///< of the request's meaning, for the idempotency check
  bool is_preview = false;                                   ///< small and quick: a final may be made from it
  job_id final_of;         ///< the preview that it repeats in full; nil: none. Takes its tenant's next turn
  std::string webhook_url; ///< told when the job has ended; empty: nobody. At most 2 KiB
  trace_id trace{};        ///< the client's; nil: it gave none, see trace_of()
  bool is_final() const { return !final_of.is_nil(); }
  bool operator==(const job_request&) const = default;
};

/// Without one of the client's, the job's id has the form of one.
inline trace_id trace_of(const job_request& r) { return r.trace.is_nil() ? trace_id{r.id.bytes} : r.trace; }

/// A stored result: the key is derived from ids alone (object_key.hpp), so only size and hash travel.
struct stored_object {
  std::uint64_t size_bytes = 0;
  sha256_digest sha256;
  bool operator==(const stored_object&) const = default;
};

/// The work of a run that was stopped between two denoise steps: objects of the store (saved_run_parts.hpp), from which
/// the job goes on. The jobs of one batch share one. The default is none.
struct saved_run {
  std::string key;              ///< of its list of parts; made by make_object_key(), so it holds the list's hash
  std::uint64_t size_bytes = 0; ///< of all parts together
  std::int32_t steps = 0;       ///< denoise steps done of this job
  bool is_none() const { return key.empty(); }
  bool operator==(const saved_run&) const = default;
};

/// What a job's executions taught about it, beyond their number. The supervisor of its batch decides it, the ledger
/// keeps it until the job ends. Most jobs have none: the default.
struct recovery_mark {
  std::uint32_t batch_cap = 0;          ///< jobs in a batch that it may run in; 0: no limit; 1: alone
  std::uint32_t suspect_count = 0;      ///< batches that crashed with it among others
  std::vector<worker_id> crash_workers; ///< whose process it took down alone; at most recovery_options::poison_after
  std::uint32_t light_attempts = 0;     ///< counted executions on the fallback
  degrade_reason degraded = degrade_reason::none; ///< from then on it runs on the fallback only
  bool canary = false; ///< the same content was poison: it runs alone, last, and one of its kind in the cluster at once
  bool operator==(const recovery_mark&) const = default;
};

/// The ledger's view of one job, as clients and operators see it.
struct job_record {
  job_request request;
  job_state state = job_state::queued;
  std::uint32_t generation = 1;    ///< +1 per redrive
  std::uint32_t version = 1;       ///< +1 per transition; also the number of its event
  std::uint32_t fence = 0;         ///< +1 per grant
  std::uint32_t attempts_used = 0; ///< counted executions
  bool cancel_requested = false;
  batch_id batch;               ///< of the latest grant; nil before
  worker_id worker;             ///< of the latest grant
  std::uint32_t batch_size = 0; ///< jobs in the latest grant
  model_id served_model;        ///< differs from the requested one only when degraded
  bool degraded = false;
  std::string degrade_reason;
  std::optional<wall_time> not_before; ///< in retry_wait
  std::optional<wall_time> started_at; ///< of the latest grant
  std::optional<wall_time> finished_at;
  errc error = errc::ok; ///< of a failed, cancelled or dead-lettered job
  std::string error_message;
  std::uint32_t committed_fence = 0;
  stored_object video;      ///< of a succeeded job; size 0 when the model makes no artifact
  stored_object thumbnail;  ///< likewise
  std::uint64_t gpu_ms = 0; ///< this job's share of the measured batch time, all attempts
  recovery_mark recovery;   ///< of one that has not ended, or is dead-lettered
  bool operator==(const job_record&) const = default;
};

} // namespace reel
