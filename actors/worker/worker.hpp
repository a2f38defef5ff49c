// worker.hpp: The actor of a worker process: takes batches from its node's supervisor, passes them to the
// render thread, stores the finished files, and reports the end. Also the worker's own fence: a batch whose
// lease has not been renewed in time is stopped and nothing of it is stored any more (reliability.md 2.4).
//
// One per process. Lists are bounded by the slot's credits and the size of a batch.
#pragma once

#include <deque>

#include "actors/protocols.hpp"
#include "actors/worker/run_fetcher.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/limits.hpp"

namespace reel {

/// Timers of a worker.
struct second_timeout {};
struct store_retry_timeout {
  batch_id batch;
};
struct end_repeat_timeout {
  batch_id batch;
};

using worker_actor_protocol =
    act::extend<worker_protocol, void(peer_changed), void(batch_progress), void(batch_rendered), void(batch_checkpoint),
                void(runs_fetched), void(second_timeout), void(store_retry_timeout), void(end_repeat_timeout)>;

struct worker_wiring {
  worker_ready ready; ///< what this process can do; told to the node when it is reached
  slot_ref slot;
  worker_objects_ref objects;
  render_thread* renderer = nullptr;  ///< set before the first message; outlives the actor
  std::function<void(int code)> quit; ///< ends the process
};

struct worker_options {
  std::chrono::milliseconds put_deadline{60'000};    ///< of one upload
  std::chrono::milliseconds put_retry{500};          ///< pause before an upload that did not get through is repeated,
  std::chrono::milliseconds put_retry_most{2'000};   ///< doubled up to this: what waits are whole files
  std::chrono::milliseconds store_patience{900'000}; ///< with a store that takes nothing: rendering again costs more
  std::chrono::milliseconds save_patience{20'000};   ///< likewise, for saved runs: others wait for the end
  run_fetcher_options fetch{};
  std::chrono::milliseconds end_deadline{5'000};                       ///< the node answers at once
  std::chrono::milliseconds lease_margin = limits::renewal_answer_max; ///< stop this long before the lease may end
  std::chrono::milliseconds progress_pause{10};                        ///< between two messages about one batch
  std::size_t put_bytes_max = 8u << 20;                                ///< of one upload message
  std::chrono::milliseconds keep_warm{0}; ///< without work for so long: an empty inference; 0: never
};

class worker {
public:
  using interface = act::ref<worker_actor_protocol>;
  static constexpr const char* name = "worker";

  worker(interface::pointer self, worker_wiring wiring, worker_options options);
  interface::behavior_type make_behavior();

private:
  struct upload {
    std::vector<std::size_t> results; ///< indices: whose it is
    artifact kind;
    object_write object;
  };
  struct checkpoint {
    std::shared_ptr<const packed_run> run;
    std::string prefix;             ///< of its objects
    std::size_t stored = 0;         ///< of its parts, and last their list
    std::vector<batch_saved> words; ///< to be told when all are: one per batch
  };
  struct batch {
    std::chrono::milliseconds lease_ttl{};
    instant lease_until{};
    std::deque<std::pair<std::uint32_t, instant>> renewals; ///< when they came, at most renewals_kept
    instant started_at{};
    instant progress_told_at{};
    batch_progress progress{};             ///< the latest
    std::chrono::nanoseconds own_time{0};  ///< of the compute thread
    std::chrono::nanoseconds hand_over{0}; ///< see batch_finished
    std::optional<instant> storing_since;  ///< its saved runs
    run_batch run;                         ///< its jobs
    bool submitted = false;                ///< the render thread has it; before, its saved runs are being fetched
    instant save_until{};                  ///< saved runs that are not stored by then are given up
    std::optional<instant> store_until{};  ///< files likewise, while the store takes nothing
    std::vector<upload> uploads;           ///< waiting for the one in flight
    bool uploading = false;
    std::chrono::milliseconds put_retry{0}; ///< the last pause, since something was stored
    bool rendered = false;                  ///< all samples have come
    instant rendered_at{};
    bool ended = false; ///< the end is decided and being told
    batch_finished end;
  };

  void on_peer_changed(const peer_changed& m);
  done on_run_batch(const run_batch& m);
  void on_renew_lease(const renew_lease& m);
  void on_stop_jobs(const stop_jobs& m);
  void on_batch_progress(const batch_progress& m);
  void on_batch_rendered(batch_rendered& m);
  void on_batch_checkpoint(const batch_checkpoint& m);
  void on_runs_fetched(runs_fetched& m);
  void on_second_timeout();
  void on_store_retry_timeout(const store_retry_timeout& m);
  void on_end_repeat_timeout(const end_repeat_timeout& m);

  bool lost_lease(batch& b);
  void tell_storing(batch& b);
  void keep_warm();
  void fetch_saved_runs(const run_batch& m);
  void add_sample(batch& b, rendered_sample& s);
  void add_saved_runs(batch& b, const std::vector<rendered_sample>& samples, std::size_t first_result);
  static void lose_saved_run(batch& b, const upload& u, errc code);
  bool runs(const batch_id& id);
  void store_checkpoint();
  void checkpoint_stored(errc code);
  void store_next(const batch_id& id);
  static void lose_file(job_result& result, errc code);
  void stored(const batch_id& id, const std::vector<upload>& sent, const std::vector<errc>& codes);
  void end_if_complete(const batch_id& id);
  void tell_end(const batch_id& id);

  interface::pointer self_;
  worker_wiring wiring_;
  worker_options options_;
  std::map<batch_id, batch> batches_;
  std::optional<checkpoint> saving_; ///< being stored; the compute thread makes no other meanwhile
  instant cold_since_{};             ///< the latest work or empty inference
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::second_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::store_retry_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::end_repeat_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::batch_rendered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::batch_checkpoint)
