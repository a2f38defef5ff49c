// gated_thread.hpp: A render thread whose model does its steps one by one, as a test lets it, so that an order comes
// exactly between two of them; and everything that it says.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <mutex>
#include <semaphore>

#include "actors/worker/null_renderer.hpp"
#include "actors/worker/render_thread.hpp"
#include "tests/support/samples.hpp"
#include "tests/worker/temp_folder.hpp"

namespace reel::testing {

using namespace std::chrono_literals;

struct step_gate {
  std::counting_semaphore<> may{0}; ///< steps that may be done
  bool can_save = true, can_join = true;
  std::counting_semaphore<> warming{0}, may_warm{0}; ///< it has begun; it may end
  bool lacks_memory = false, lacks_it_lean = false;  ///< for any step; also in low-memory mode
  std::vector<bool> kept_lean{};                     ///< orders; read when nothing is computed
};

/// The null model behind a gate.
class gated_batch final : public render_batch {
public:
  gated_batch(std::unique_ptr<render_batch> to, step_gate& gate) : to_{std::move(to)}, gate_{gate} {}
  void prepare() override { to_->prepare(); }
  int steps_total() const override { return to_->steps_total(); }
  int steps_done() const override { return to_->steps_done(); }
  int steps_done_of(std::size_t i) const override { return to_->steps_done_of(i); }
  void step() override {
    gate_.may.acquire();
    const bool is_lean = !gate_.kept_lean.empty() && gate_.kept_lean.back();
    if (is_lean ? gate_.lacks_it_lean : gate_.lacks_memory) throw render_error{errc::out_of_memory, "too large"};
    to_->step();
  }
  void join(std::vector<run_job> jobs) override {
    if (!gate_.can_join) return render_batch::join(std::move(jobs));
    to_->join(std::move(jobs));
  }
  void drop(std::size_t i) override { to_->drop(i); }
  blob save() const override {
    if (!gate_.can_save) throw render_error{errc::out_of_memory, "no memory to save"};
    return to_->save();
  }
  rendered finish(std::size_t i, const std::function<void()>& tick) override { return to_->finish(i, tick); }

private:
  std::unique_ptr<render_batch> to_;
  step_gate& gate_;
};

class gated_renderer final : public renderer {
public:
  explicit gated_renderer(step_gate& gate) : gate_{gate} {}
  std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) override { return gated(to_.begin(std::move(jobs))); }
  std::unique_ptr<render_batch> resume(std::vector<run_job> jobs, const std::vector<blob>& saved) override {
    return gated(to_.resume(std::move(jobs), saved));
  }
  void keep_warm() override {
    gate_.warming.release();
    gate_.may_warm.acquire();
    if (!gate_.can_save) throw render_error{errc::out_of_memory, "no memory to stay warm"};
  }
  bool can_resume() const override { return gate_.can_save; }
  bool can_be_leaner() const override { return true; }
  void keep_lean(bool lean) override { gate_.kept_lean.push_back(lean); }
  std::string device() const override { return "null"; }
  std::uint64_t memory_bytes() const override { return 0; }
  std::uint64_t take_peak_bytes() override { return 0; }

private:
  std::unique_ptr<render_batch> gated(std::unique_ptr<render_batch> b) {
    return std::make_unique<gated_batch>(std::move(b), gate_);
  }
  null_renderer to_{renderer_options{.artifact_bytes = 10}};
  step_gate& gate_;
};

/// A render thread that is heard.
struct heard_thread {
  heard_thread() {
    std::map<model_id, std::unique_ptr<renderer>> models;
    for (auto name : {"m", "n"}) models.emplace(model_id{name}, std::make_unique<gated_renderer>(gate));
    render_thread::events events{[this](const batch_progress& p) { hear(p); },
                                 [this](const batch_rendered& r) { hear(r); },
                                 [this](const batch_checkpoint& c) { hear(c); }};
    events.cadence = {.cost_most = 1e9, .save_least = checkpoint_cadence::seconds{0}}; // by steps alone
    thread.emplace(std::move(models), std::move(events), std::make_unique<black_box>(box_file));
  }
  ~heard_thread() {
    gate.may.release(100);
    gate.may_warm.release(100);
    thread.reset();
  }
  void hear(const batch_progress& p) {
    std::lock_guard lock{mutex};
    progress.push_back(p);
    changed.notify_all();
  }
  void hear(const batch_checkpoint& c) {
    std::lock_guard lock{mutex};
    checkpoints.push_back({c.samples, c.run->parts.at(0).data});
    if (is_storing) stored = c.run;
    changed.notify_all();
  }
  void hear(const batch_rendered& r) {
    std::lock_guard lock{mutex};
    for (const auto& s : r.samples) samples.emplace(s.id, s);
    if (r.last) ends.emplace(r.batch, r);
    ended = ended || r.last;
    changed.notify_all();
  }
  template <class Condition> void wait(Condition is) {
    std::unique_lock lock{mutex};
    REQUIRE(changed.wait_for(lock, 30s, is));
  }
  void wait_for_step(int step) {
    wait([this, step] { return !progress.empty() && progress.back().step == step; });
  }
  std::map<job_id, rendered_sample> end() {
    wait([this] { return ended; });
    ended = false;
    progress.clear();
    return std::exchange(samples, {});
  }

  step_gate gate;
  temp_folder folder;
  const std::string box_file = folder.path() / "box";
  std::mutex mutex; ///< guards what follows
  std::condition_variable changed;
  std::vector<batch_progress> progress;
  struct checkpoint {
    std::vector<batch_checkpoint::sample> samples;
    blob bytes;
  };
  std::vector<checkpoint> checkpoints;
  bool is_storing = false;                  ///< whoever gets one keeps it
  std::shared_ptr<const packed_run> stored; ///< this one
  std::map<job_id, rendered_sample> samples;
  std::map<batch_id, batch_rendered> ends;
  bool ended = false;
  std::optional<render_thread> thread;
};

inline run_batch batch_of(std::uint64_t jobs, int steps = 5) {
  run_batch b{sample::batch(1), {"workers-1/0"}, 30s, {}};
  for (std::uint64_t n = 1; n <= jobs; ++n) {
    b.jobs.push_back({sample::job(n), 1, {}, {}, {}, "prefix"});
    b.jobs.back().params.model = {"m"};
    b.jobs.back().params.steps = steps;
    b.jobs.back().params.seed = n;
  }
  return b;
}

/// Another one, of the same key, that is to join.
inline run_batch joiner_of(std::uint64_t number, std::uint64_t jobs, int steps = 5) {
  auto b = batch_of(jobs, steps);
  b.batch = sample::batch(number);
  b.join = true;
  for (std::uint64_t n = 0; n < jobs; ++n) b.jobs[n].id = sample::job(100 * number + n);
  return b;
}

inline blob state_of(const rendered_sample& s) { return s.saved->parts.at(0).data; }

} // namespace reel::testing
