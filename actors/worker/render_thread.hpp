// render_thread.hpp: The one thread of a worker process that computes. It takes batches in order, steps them
// through their renderer, and reports from between the steps; everything else of the process (messages,
// uploads, leases) goes on beside it.
//
// After errc::internal the process may be broken (a sticky device error): it takes nothing more, and its owner ends it.
//
// Owned by main() of reel-worker. submit() and stop() may be called from any thread and never block; the
// events are called from the compute thread and must not block either.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "actors/worker/renderer.hpp"

namespace reel {

/// One job's files, or why there are none.
struct rendered_sample {
  job_id id;
  std::uint32_t fence = 0;
  errc code = errc::ok; ///< ok, cancelled, or what went wrong with this sample alone
  std::string message;
  rendered files;
};

/// Some samples of a batch, and with `last` its end. `code` is not ok when the batch as a whole failed.
struct batch_rendered {
  batch_id batch;
  std::vector<rendered_sample> samples;
  bool last = false;
  errc code = errc::ok;
  std::string message;
  std::uint64_t peak_bytes = 0;
};

class render_thread {
public:
  struct events {
    std::function<void(batch_progress)> progress;
    std::function<void(batch_rendered)> rendered;
  };

  render_thread(std::map<model_id, std::unique_ptr<renderer>> renderers, events e);
  ~render_thread(); ///< gives up the present batch at its next step
  render_thread(const render_thread&) = delete;
  render_thread& operator=(const render_thread&) = delete;

  /// At most as many as the worker has credits: whoever calls counts.
  void submit(run_batch b);

  /// Takes jobs (none named: all) out of a batch that runs or waits.
  void stop(const batch_id& batch, const std::vector<job_id>& jobs);

  /// Grows while the computation moves.
  std::uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }

private:
  void run();
  errc render(run_batch b); ///< how the batch as a whole ended
  void render_steps(const run_batch& b, render_batch& work, std::set<std::size_t>& out);
  void render_files(const run_batch& b, render_batch& work, const std::set<std::size_t>& out);
  void drop_stopped(const run_batch& b, render_batch& work, std::set<std::size_t>& out);
  void report(const run_batch& b, const render_batch& work, run_phase phase);

  std::map<model_id, std::unique_ptr<renderer>> renderers_;
  events events_;
  std::atomic<std::uint64_t> progress_{0};

  std::mutex mutex_; ///< guards what follows
  std::condition_variable something_;
  std::deque<run_batch> waiting_;
  std::map<batch_id, std::set<job_id>> stopped_; ///< an empty set: all of it; entries go with their batch
  std::set<batch_id> known_;                     ///< waiting or running
  bool quitting_ = false;
  std::thread thread_;
};

} // namespace reel
