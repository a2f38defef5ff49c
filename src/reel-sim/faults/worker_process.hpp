// worker_process.hpp: A worker process as its node sees it (actors/worker/worker.hpp), with a GPU that is played: it
// takes batches, computes them step by step, stores their files through its node, and tells their end until that is
// answered. Its lease it keeps as the product's worker does: from the renewals that came, and by its own clock.
//
// What takes it down or holds it up is decided outside: prompts that are poison, a device that hangs or has little
// memory. One object per life of the process.
#pragma once

#include <map>
#include <set>

#include "runtime/logic/failure_detector.hpp"
#include "src/reel-sim/faults/network.hpp"

namespace reel::faultsim {

/// A device, whichever process computes on it.
struct gpu {
  ns hangs_until{0};
  std::size_t jobs_most = 64; ///< that fit into its memory
  std::uint64_t hung = 0, too_small = 0;
};

/// What the model costs here; the scheduler learns it.
ns step_time(const batch_key& key, std::size_t together);

/// A file's bytes are never made: their hash tells which execution made them.
sha256_digest digest_of(const job_id& id, std::uint32_t fence, std::uint64_t what);

struct worker_wiring {
  worker_id id;
  process_id process = 0;
  gpu* device = nullptr;
  ns loading{0};                                ///< before it is ready
  bool waits_for_files = true;                  ///< false: a defect
  std::function<bool(const job_id&)> is_poison; ///< takes the process down
  std::function<void(worker_ready)> ready;      ///< to its node, from here on
  std::function<void(worker_alive)> alive;
  std::function<void(batch_progress)> progress;
  std::function<void(batch_finished, std::function<void()>)> finished; ///< repeated until answered
  std::function<void(put_objects, answer_function)> store;
  std::function<void()> exit; ///< ends the process; nothing is done after it
};

class worker_process {
public:
  worker_process(event_queue& events, worker_wiring wiring);
  worker_process(const worker_process&) = delete;
  worker_process& operator=(const worker_process&) = delete;

  // ---- from its node
  void run(const run_batch& m);
  void renew(const renew_lease& m);
  void stop(const stop_jobs& m);
  void heard_node() { node_.heard(now()); }

  bool holds(const batch_id& id, ms longer) const; ///< by its own clock, for so long at least

private:
  struct batch {
    run_batch run;
    batch_key key;
    instant lease_until{};
    std::deque<std::pair<std::uint32_t, instant>> renewals;
    instant started_at{};
    std::int32_t step = 0;
    bool begun = false, rendered = false, ended = false;
    bool stop_all = false, keep = false;
    std::set<job_id> stopped;
    std::size_t together = 0; ///< most jobs computed at once; 0: alone
    instant store_until{};
    std::vector<object_write> uploads;
    batch_finished end;
  };

  instant now() const { return events_.mono(w_.process); }
  template <class Function> void after(ns d, step what, Function&& run) {
    events_.after(w_.process, d, what, std::forward<Function>(run));
  }
  void on_second();
  void begin_next();
  void begin(batch& b);
  void schedule_step(const batch_id& id);
  void on_step(const batch_id& id);
  bool fails_at(const batch& b);
  void render(batch& b, errc code);
  void add_result(batch& b, const run_job& job, errc code);
  void leave_early(batch& b);
  void upload(const batch_id& id);
  void stored(const batch_id& id, const std::vector<object_write>& sent, const answer& a);
  bool lost_lease(batch& b);
  void end(batch& b);
  void tell_end(const batch_id& id);
  std::size_t jobs_computed() const;

  event_queue& events_;
  worker_wiring w_;
  failure_detector node_{failure_detector::options{}};
  std::map<batch_id, batch> batches_;
  std::vector<batch_id> order_; ///< as they came
  std::uint64_t progress_ = 0;
};

} // namespace reel::faultsim
