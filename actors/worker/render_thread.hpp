// render_thread.hpp: The one thread of a worker process that computes. It takes batches in order, steps them
// through their renderer, and reports from between the steps; everything else of the process (messages,
// uploads, leases) goes on beside it. A batch may join the one that runs: they share the forward passes, and each ends
// when its own samples are done. What goes wrong then goes wrong for all of them. A batch that is to run up to a step
// only (run_batch.until_step) is saved there and ends, or goes on to its end where it cannot be saved. Now and then
// what runs is saved on its way (checkpoint_cadence.hpp), in case this process ends. A single job that the device's
// memory does not suffice for is computed once more in low-memory mode (renderer::keep_lean()) before it fails.
//
// After errc::internal the process may be broken (a sticky device error): it takes nothing more, and its owner ends it.
//
// Owned by main() of reel-worker. submit() and stop() may be called from any thread and never block; the
// events are called from the compute thread and must not block either.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "actors/storage/saved_run_parts.hpp"
#include "actors/worker/checkpoint_cadence.hpp"
#include "actors/worker/renderer.hpp"
#include "runtime/black_box.hpp"
#include "runtime/fault/fault_point.hpp"

namespace reel {

/// One job's files, or why there are none.
struct rendered_sample {
  job_id id;
  std::uint32_t fence = 0;
  errc code = errc::ok; ///< ok, cancelled, preempted, or what went wrong with this sample alone
  std::string message;
  rendered files;
  std::shared_ptr<const packed_run> saved{}; ///< of a preempted one, shared by those that left together; null: none
  std::int32_t steps = 0;                    ///< denoise steps that it spares
  bool forget_saved = false;                 ///< the saved run that its job came with is of no use
};

using saved_states = std::map<std::string, blob>; ///< what renderers saved, by saved_run.key

/// Who is to leave a batch, and how. Leaving at once is stronger than being kept.
class stop_orders {
public:
  enum class leave { no, at_once, kept };

  void add(const std::vector<job_id>& jobs, bool keep); ///< none named: all
  leave order_for(const job_id& job) const;

private:
  struct group {
    bool all = false;
    std::set<job_id> jobs; ///< of the batch's own
    bool has(const job_id& job) const { return all || jobs.contains(job); }
  };
  group at_once_, kept_;
};

/// Some samples of a batch, and with `last` its end. `code` is not ok when the batch as a whole failed.
struct batch_rendered {
  batch_id batch;
  std::vector<rendered_sample> samples;
  bool last = false;
  errc code = errc::ok;
  std::string message;
  std::uint64_t peak_bytes = 0;
  std::uint32_t together = 0;           ///< most jobs computed at once, where batches joined; 0: it ran alone
  std::chrono::nanoseconds own_time{0}; ///< its part of the time of the thread
  expert_use experts{};
  std::chrono::nanoseconds hand_over{0}; ///< of own_time: texts of resumed runs encoded again, runs saved
  stage_times times{};                   ///< all but storing
};

/// What everything that is computed together had done at one of its steps, in case its process ends. Whoever gets it
/// keeps `run` as long as it has use for it: until then there is no other.
struct batch_checkpoint {
  std::shared_ptr<const packed_run> run;
  struct sample {
    batch_id batch;
    job_id id;
    std::uint32_t fence = 0;
    std::int32_t steps = 0; ///< that the run spares
  };
  std::vector<sample> samples;      ///< those of a batch together
  std::chrono::nanoseconds cost{0}; ///< for which computing stood still
};

class render_thread {
public:
  struct events {
    std::function<void(batch_progress)> progress;
    std::function<void(batch_rendered)> rendered;
    std::function<void(batch_checkpoint)> checkpoint{}; ///< none: nothing is saved on the way
    checkpoint_cadence::options cadence{};
  };

  render_thread(std::map<model_id, std::unique_ptr<renderer>> renderers, events e,
                std::unique_ptr<black_box> box = std::make_unique<black_box>());
  ~render_thread(); ///< gives up the present batch at its next step
  render_thread(const render_thread&) = delete;
  render_thread& operator=(const render_thread&) = delete;

  /// From now on stop() counts for this batch, which is about to be submitted or forgotten.
  void expect(const batch_id& batch);
  void forget(const batch_id& batch); ///< of one that was expected and not submitted

  /// At most as many as the worker has credits: whoever calls counts. A batch that is to join is taken in at the next
  /// step where it can be (run_batch), unless it has saved runs. Jobs with a saved run go on from its state; where
  /// that is missing or of no use they begin from the start, and their samples say so. Jobs of one batch may stand at
  /// different steps.
  void submit(run_batch b, saved_states states = {});

  /// Takes jobs (none named: all) out of a batch that runs or waits. With `keep` they leave as preempted, and what was
  /// denoised here is saved; a batch whose last step is done is not stopped to be kept.
  void stop(const batch_id& batch, const std::vector<job_id>& jobs, bool keep = false);

  /// An empty inference by each model in turn, unless there is work; a batch that comes meanwhile waits for one of them
  /// at most. Counts what was run; what failed is logged, and the next batch will tell.
  void keep_warm();
  std::uint64_t warm_runs() const { return warm_runs_.load(std::memory_order_relaxed); }

  /// Of the device; 0: not known. Its renderers share what there is.
  std::uint64_t used_bytes() const;

  /// Since the start; without what only the process knows.
  worker_figures figures() const;

  /// Grows while the computation moves.
  std::uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }

private:
  struct submitted {
    run_batch batch;
    saved_states states{};
  };
  /// How a sample left.
  struct departure {
    errc code = errc::cancelled;
    std::shared_ptr<const packed_run> saved;
    std::int32_t steps = 0;
  };
  /// A batch that is being computed, as a part of the work.
  struct rider {
    submitted order;
    std::size_t first = 0;                  ///< number of its first sample in the work
    std::set<std::size_t> from_start{};     ///< of its samples, those whose saved run is of no use
    std::map<std::size_t, departure> out{}; ///< those that left
    bool has_denoised = false;              ///< here
    std::uint32_t together = 0;
    std::chrono::nanoseconds own_time{0}, hand_over{0};
    std::chrono::nanoseconds encode{0}, denoise{0}, decode{0};
    std::int32_t steps = 0;
    stage_times times() const;
    const run_batch& batch() const { return order.batch; }
    std::size_t active() const { return batch().jobs.size() - out.size(); }
    bool resumes() const {
      return !std::ranges::all_of(batch().jobs, [](auto& j) { return j.saved.is_none(); });
    }
    rendered_sample sample(std::size_t index) const;
  };
  struct computation {
    renderer& model;
    std::unique_ptr<render_batch> work{};
    std::list<rider> riders{}; ///< in order of coming
    std::size_t samples = 0;   ///< numbers given so far
    std::uint64_t peak_bytes = 0;
    checkpoint_cadence cadence;
    std::uint32_t loads_counted = 0; ///< of its expert_use
    std::size_t active() const;
    bool is_alone() const { return riders.size() == 1 && riders.front().batch().jobs.size() == 1; }
    int steps_left(const rider& r, std::size_t index) const;
    int most_steps_left_here() const;
    fault::circumstances circumstances() const;
    bool is_denoised(const rider& r) const; ///< nothing is left of it but decoding
  };

  void run();
  void run_warm(const model_id& model);
  struct ending {
    errc code = errc::ok;
    std::string message{};
  };
  errc render(submitted first); ///< how the computation ended
  ending compute(computation& now);
  ending compute_lean(computation& now, submitted again);
  std::optional<ending> keep_lean(renderer& model, bool lean); ///< what failed
  void begin(computation& now, rider& r);
  void prepare(computation& now, rider& r);
  void take_joiners(computation& now);
  std::optional<submitted> next_joiner(const computation& now);
  void step(computation& now);
  void save_on_the_way(computation& now);
  void count_texts(const computation& now, const rider& r);
  static batch_checkpoint checkpoint_of(const computation& now);
  void end_denoised(computation& now);
  void end(computation& now, rider& r, errc code, std::string message);
  void report_departures(const rider& r);
  void render_files(computation& now, rider& r);
  void let_go(computation& now, rider& r);
  std::vector<std::size_t> follow_orders(computation& now, rider& r);
  void add_arrived(const computation& now, const rider& r, std::vector<std::size_t>& leaving);
  void report(const computation& now, const rider& r, run_phase phase);
  void note(const computation& now, std::optional<batch_id> joining = {});

  std::map<model_id, std::unique_ptr<renderer>> renderers_;
  events events_;
  std::unique_ptr<black_box> box_; ///< always told what the next step computes
  std::atomic<std::uint64_t> progress_{0}, warm_runs_{0};
  std::atomic<std::uint64_t> encode_us_{0}, denoise_us_{0}, decode_us_{0}, steps_{0}; ///< see worker_figures
  std::atomic<std::uint64_t> texts_encoded_{0}, texts_reused_{0}, expert_loads_{0};
  std::weak_ptr<const packed_run> checkpoint_; ///< the latest; not expired: it is still being stored

  std::mutex mutex_; ///< guards what follows
  std::condition_variable something_;
  std::deque<submitted> waiting_;
  std::deque<model_id> to_warm_;            ///< only while nothing waits
  std::map<batch_id, stop_orders> stopped_; ///< entries go with their batch
  std::set<batch_id> known_;                ///< expected, waiting or running
  bool quitting_ = false;
  std::thread thread_;
};

} // namespace reel
