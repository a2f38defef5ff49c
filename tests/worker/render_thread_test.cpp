// render_thread_test.cpp: How jobs leave a batch: at once, or kept with their work; and how they go on. Method: a model
// whose steps a test lets happen one by one, so that an order comes exactly between two of them.
#include <catch2/catch_test_macros.hpp>
#include <semaphore>

#include "actors/worker/null_renderer.hpp"
#include "actors/worker/render_thread.hpp"
#include "tests/support/samples.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct step_gate {
  std::counting_semaphore<> may{0}; ///< steps that may be done
  bool can_save = true, can_join = true;
  std::counting_semaphore<> warming{0}, may_warm{0}; ///< it has begun; it may end
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
  testing::temp_folder folder;
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

run_batch batch_of(std::uint64_t jobs, int steps = 5) {
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
run_batch joiner_of(std::uint64_t number, std::uint64_t jobs, int steps = 5) {
  auto b = batch_of(jobs, steps);
  b.batch = sample::batch(number);
  b.join = true;
  for (std::uint64_t n = 0; n < jobs; ++n) b.jobs[n].id = sample::job(100 * number + n);
  return b;
}

blob state_of(const rendered_sample& s) { return s.saved->parts.at(0).data; }

} // namespace

TEST_CASE("a batch that is paused leaves at its next step, with its work, and goes on from there") {
  heard_thread t;
  auto b = batch_of(2);
  t.thread->submit(b);
  t.gate.may.release(2);
  t.wait_for_step(2); // the third waits at the gate, or the order comes before it
  t.thread->stop(b.batch, {}, true);
  t.gate.may.release(1);
  auto left = t.end();
  REQUIRE(left.size() == 2);
  auto steps = left.at(b.jobs[0].id).steps;
  CHECK((steps == 2 || steps == 3));
  for (auto& [id, s] : left) {
    CHECK(s.code == errc::preempted);
    CHECK(s.steps == steps);
    CHECK(s.saved == left.begin()->second.saved); // shared
    CHECK(s.files.video.empty());
  }

  t.gate.may.release(100);
  for (auto& job : b.jobs) job.saved = {"key", 1, steps};
  b.batch = sample::batch(2);
  t.thread->submit(b, {{"key", state_of(left.begin()->second)}});
  t.wait([&t] { return !t.progress.empty(); });
  CHECK(t.progress.front().step == steps);
  for (auto& [id, s] : t.end()) {
    CHECK(s.code == errc::ok);
    CHECK(s.files.video.size() == 10);
    CHECK_FALSE(s.forget_saved);
  }
}

TEST_CASE("a batch that is paused before it denoises leaves without work") {
  heard_thread t;
  auto b = batch_of(1), first = batch_of(1);
  first.batch = sample::batch(7);
  first.jobs[0].id = sample::job(7);
  t.thread->submit(first); // at the gate
  t.thread->submit(b);
  t.thread->stop(b.batch, {}, true);
  t.gate.may.release(5);
  t.wait([&] { return t.samples.contains(b.jobs[0].id); });
  const auto& s = t.samples.at(b.jobs[0].id);
  CHECK(s.code == errc::preempted);
  CHECK_FALSE(s.saved);
  CHECK(s.steps == 0);
}

TEST_CASE("a batch that is paused when its last step is done just ends") {
  heard_thread t;
  auto b = batch_of(1, 1);
  t.thread->submit(b);
  t.wait([&t] { return !t.progress.empty(); }); // encoding; then at the gate, or the order comes before the step
  t.wait([&t] { return t.progress.back().phase == run_phase::encoding; });
  t.gate.may.release(1);
  t.wait_for_step(1);
  t.thread->stop(b.batch, {}, true);
  CHECK(t.end().at(b.jobs[0].id).code == errc::ok);
}

TEST_CASE("a batch that is to be handed over runs up to its step, is saved and ends") {
  heard_thread t;
  t.gate.may.release(100);
  auto b = batch_of(2);
  b.until_step = 3;
  t.thread->submit(b);
  auto left = t.end();
  REQUIRE(left.size() == 2);
  for (auto& [id, s] : left) {
    CHECK(s.code == errc::preempted);
    CHECK(s.steps == 3);
    CHECK(s.saved == left.begin()->second.saved);
  }
  CHECK(t.ends.at(b.batch).hand_over > 0ns);
  while (t.gate.may.try_acquire()) {
  }
  t.gate.may.release(2); // no more than what is left
  for (auto& job : b.jobs) job.saved = {"key", 1, 3};
  b.batch = sample::batch(2);
  b.until_step = 0;
  t.thread->submit(b, {{"key", state_of(left.begin()->second)}});
  for (auto& [id, s] : t.end()) CHECK(s.code == errc::ok);
  CHECK(t.ends.at(b.batch).hand_over > 0ns); // what was encoded again
}

TEST_CASE("a batch that cannot be saved where it is to be handed over runs to its end") {
  heard_thread t;
  t.gate.may.release(100);
  t.gate.can_save = false;
  auto b = batch_of(2);
  b.until_step = 3;
  t.thread->submit(b);
  for (auto& [id, s] : t.end()) CHECK(s.code == errc::ok);
}

TEST_CASE("a batch whose last step is the one it is to be handed over after just ends") {
  heard_thread t;
  t.gate.may.release(100);
  auto b = batch_of(1);
  b.until_step = 5;
  t.thread->submit(b);
  CHECK(t.end().at(b.jobs[0].id).code == errc::ok);
}

TEST_CASE("of a batch that is to be handed over jobs can be cancelled, and all of it paused before") {
  heard_thread t;
  auto b = batch_of(2);
  b.until_step = 4;
  t.thread->submit(b);
  t.gate.may.release(1);
  t.wait_for_step(1);
  t.thread->stop(b.batch, {b.jobs[0].id});
  t.thread->stop(b.batch, {b.jobs[1].id}, true);
  t.gate.may.release(1);
  auto all = t.end();
  CHECK(all.at(b.jobs[0].id).code == errc::cancelled);
  CHECK(all.at(b.jobs[1].id).code == errc::preempted);
  CHECK(all.at(b.jobs[1].id).steps < 4);
}

TEST_CASE("cancelled jobs leave at once, paused ones with their work, the others go on") {
  heard_thread t;
  auto b = batch_of(3);
  t.thread->submit(b);
  t.gate.may.release(1);
  t.wait_for_step(1);
  t.thread->stop(b.batch, {b.jobs[0].id}); // stronger than what follows
  t.thread->stop(b.batch, {b.jobs[0].id, b.jobs[1].id}, true);
  t.gate.may.release(4);
  auto all = t.end();
  CHECK(all.at(b.jobs[0].id).code == errc::cancelled);
  CHECK(all.at(b.jobs[1].id).code == errc::preempted);
  CHECK(all.at(b.jobs[1].id).saved);
  CHECK(all.at(b.jobs[2].id).code == errc::ok);
}

TEST_CASE("a run that cannot be saved leaves all the same") {
  heard_thread t;
  t.gate.can_save = false;
  auto b = batch_of(1);
  t.thread->submit(b);
  t.gate.may.release(2);
  t.wait_for_step(2);
  t.thread->stop(b.batch, {}, true);
  t.gate.may.release(1);
  auto s = t.end().at(b.jobs[0].id);
  CHECK(s.code == errc::preempted);
  CHECK_FALSE(s.saved);
}

TEST_CASE("one bad saved run does not cost the others theirs") {
  heard_thread t;
  t.gate.may.release(100);
  auto b = batch_of(4);
  b.jobs[0].saved = {"good", 1, 3};
  b.jobs[1].saved = {"bad", 1, 3};
  b.jobs[2].saved = {"missing", 1, 3};
  auto good = blob::copy_of("reel-null-run 1\n" + to_string(b.jobs[0].id) + " 3");
  t.thread->submit(b, {{"good", good}, {"bad", blob::copy_of("bad")}});
  t.wait([&t] { return !t.progress.empty(); });
  CHECK(t.progress.front().step == 3);
  CHECK(t.progress.front().steps_total == 8); // who begins from the start has five to do
  auto all = t.end();
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(all.at(b.jobs[i].id).code == errc::ok);
    CHECK(all.at(b.jobs[i].id).forget_saved == (i == 1 || i == 2));
  }
}

TEST_CASE("a batch joins the one that runs at its next step, and each ends by itself") {
  heard_thread t;
  auto b = batch_of(1), late = joiner_of(2, 2);
  t.thread->submit(b);
  t.gate.may.release(2);
  t.wait_for_step(2);
  t.thread->submit(late); // the third step may have begun
  t.gate.may.release(3);
  t.wait([&] { return t.ends.contains(b.batch); });
  {
    std::lock_guard lock{t.mutex};
    CHECK_FALSE(t.ends.contains(late.batch));
    CHECK(t.samples.at(b.jobs[0].id).files.video.size() == 10);
    auto of_late = [&](const batch_progress& p) { return p.batch == late.batch && p.phase == run_phase::denoising; };
    auto joined = std::ranges::count_if(t.progress, of_late);
    CHECK((joined == 2 || joined == 3));
  }
  t.gate.may.release(3);
  t.wait([&] { return t.ends.contains(late.batch); });
  for (const auto& job : late.jobs) CHECK(t.samples.at(job.id).code == errc::ok);
  for (const auto& [id, end] : t.ends) {
    CHECK(end.code == errc::ok);
    CHECK(end.together == 3);
  }
}

TEST_CASE(
    "a batch of another key, one that goes on from somewhere and one that the model cannot take in run afterwards") {
  heard_thread t;
  auto other_key = joiner_of(2, 1, 4), resumed = joiner_of(2, 1), refused = joiner_of(2, 1);
  resumed.jobs[0].saved = {"key", 1, 3};
  for (auto* late : {&other_key, &resumed, &refused}) {
    t.gate.can_join = late != &refused;
    t.ends.clear();
    t.progress.clear();
    auto b = batch_of(1);
    t.thread->submit(b);
    t.gate.may.release(1);
    t.wait_for_step(1);
    t.thread->submit(*late);
    t.gate.may.release(10);
    t.wait([&] { return t.ends.size() == 2; });
    CHECK(t.ends.at(b.batch).together == 0);
    CHECK(t.ends.at(late->batch).together == 0);
    CHECK(t.samples.at(late->jobs[0].id).code == errc::ok);
    while (t.gate.may.try_acquire()) {
    }
    t.samples.clear();
  }
}

TEST_CASE("of batches computed together each can be stopped or paused without the other") {
  for (bool keep : {false, true})
    for (bool stop_first : {false, true}) {
      heard_thread t;
      auto b = batch_of(1), late = joiner_of(2, 1);
      t.thread->submit(b);
      t.gate.may.release(1);
      t.wait_for_step(1);
      t.thread->submit(late);
      t.gate.may.release(2);
      t.wait([&] {
        return std::ranges::any_of(t.progress, [&](auto& p) { return p.batch == late.batch && p.step == 1; });
      });
      const auto& stopped = stop_first ? b : late;
      const auto& other = stop_first ? late : b;
      t.thread->stop(stopped.batch, {}, keep);
      t.gate.may.release(1);
      t.wait([&] { return t.ends.contains(stopped.batch); });
      auto s = t.samples.at(stopped.jobs[0].id);
      CHECK(s.code == (keep ? errc::preempted : errc::cancelled));
      CHECK((s.saved != nullptr) == keep);
      t.gate.may.release(10);
      t.wait([&] { return t.ends.contains(other.batch); });
      CHECK(t.samples.at(other.jobs[0].id).code == errc::ok);
    }
}

TEST_CASE("every model is kept warm in turn, and a failure is not counted") {
  heard_thread t;
  t.gate.may_warm.release(2);
  t.thread->keep_warm();
  REQUIRE(t.gate.warming.try_acquire_for(30s));
  REQUIRE(t.gate.warming.try_acquire_for(30s));
  t.gate.may.release(100);
  t.thread->submit(batch_of(1)); // behind both
  t.end();
  CHECK(t.thread->warm_runs() == 2);
  t.gate.can_save = false;
  t.gate.may_warm.release(2);
  t.thread->keep_warm();
  REQUIRE(t.gate.warming.try_acquire_for(30s));
  t.thread->submit(batch_of(1));
  CHECK(t.end().begin()->second.code == errc::ok);
  CHECK(t.thread->warm_runs() == 2);
}

TEST_CASE("a batch waits for one empty inference at most") {
  heard_thread t;
  t.gate.may.release(100);
  t.thread->keep_warm();
  REQUIRE(t.gate.warming.try_acquire_for(30s));
  t.thread->submit(batch_of(1));
  t.gate.may_warm.release(2);
  t.end();
  CHECK(t.thread->warm_runs() == 1);
  CHECK_FALSE(t.gate.warming.try_acquire());
}

TEST_CASE("a running batch is saved on its way, and another process goes on from there") {
  heard_thread t;
  auto b = batch_of(2, 20);
  t.thread->submit(b);
  t.gate.may.release(20);
  CHECK(t.end().size() == 2);
  REQUIRE(t.checkpoints.size() == 9); // after every second step but the last
  for (std::size_t i = 0; i < t.checkpoints.size(); ++i) {
    const auto& c = t.checkpoints[i];
    REQUIRE(c.samples.size() == 2);
    for (const auto& s : c.samples) CHECK(s.batch == b.batch);
    for (const auto& s : c.samples) CHECK(s.steps == 2 * (static_cast<int>(i) + 1));
  }
  for (auto& job : b.jobs) job.saved = {"key", 1, 18};
  b.batch = sample::batch(2);
  t.thread->submit(b, {{"key", t.checkpoints[8].bytes}});
  t.gate.may.release(2);
  for (const auto& [id, s] : t.end()) CHECK_FALSE(s.forget_saved);
}

TEST_CASE("what is being computed can be read at any time, joined batches included, and what only waits is not") {
  heard_thread t;
  using batches = std::vector<batch_id>;
  const auto computed = [&t] { return black_box::read(t.box_file); };
  auto waiting = batch_of(1);
  waiting.batch = sample::batch(3);
  t.thread->submit(batch_of(1, 5));
  t.wait_for_step(0);
  CHECK(computed() == batches{sample::batch(1)});
  t.thread->submit(joiner_of(2, 1, 5));
  t.thread->submit(waiting);
  t.gate.may.release(2);
  t.wait([&] { return computed() == batches{sample::batch(1), sample::batch(2)}; });
  t.gate.may.release(4); // the first ends with the fifth step of all, the second with the sixth
  t.wait([&t] { return t.ends.size() == 2; });
  t.wait([&] { return computed() == batches{sample::batch(3)}; });
  t.gate.may.release(5);
  t.wait([&t] { return t.ends.size() == 3; });
}

TEST_CASE("batches that are computed together are saved together, each job at its own step") {
  heard_thread t;
  t.gate.can_join = true;
  t.thread->submit(batch_of(1, 20));
  t.gate.may.release(3);
  t.wait_for_step(3);
  t.thread->submit(joiner_of(2, 1, 20));
  t.gate.may.release(40);
  t.wait([&t] { return t.ends.size() == 2; });
  bool shared = false;
  for (const auto& c : t.checkpoints) {
    if (c.samples.size() < 2) continue;
    shared = true;
    CHECK(c.samples[0].batch == sample::batch(1));
    CHECK(c.samples[1].batch == sample::batch(2));
    CHECK(c.samples[0].steps > c.samples[1].steps);
  }
  CHECK(shared);
}

TEST_CASE(
    "there is no checkpoint while the one before is being stored, of a model that cannot, or before a hand-over") {
  heard_thread t;
  auto b = batch_of(1, 20);
  std::size_t expected = 0;
  SECTION("being stored") {
    t.is_storing = true;
    expected = 1;
  }
  SECTION("cannot") { t.gate.can_save = false; }
  SECTION("hand-over") {
    b.until_step = 4;
    expected = 1; // after the second step; at the fourth it ends
  }
  t.thread->submit(b);
  t.gate.may.release(20);
  t.end();
  CHECK(t.checkpoints.size() == expected);
}
