// worker_actor_test.cpp: The actor of a worker process in virtual time: its fence, its uploads, its end of a batch. The
// node, the object store and the compute thread's events are played.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <semaphore>

#include "actors/worker/null_renderer.hpp"
#include "actors/worker/worker.hpp"
#include "runtime/limits.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct node_and_store {
  std::vector<batch_finished> ends;
  std::vector<put_objects> puts;
  std::vector<batch_progress> progress;
  std::map<std::string, blob> objects;
  std::size_t reads = 0;
  std::uint64_t warm_runs = 0;          ///< as the worker said last
  std::uint64_t slice_bytes = 1u << 20; ///< in one answer
  errc store_says = errc::ok;           ///< to the call
  errc object_says = errc::ok;          ///< to every object of it
  bool acknowledges_ends = true;        ///< the node
};

class played_slot {
public:
  using interface = slot_ref;
  static constexpr const char* name = "played slot";
  played_slot(interface::pointer, node_and_store* w) : w_{w} {}
  interface::behavior_type make_behavior() {
    return {
        [](const worker_ready&) {},
        [this](const worker_alive& m) { w_->warm_runs = m.warm_runs; },
        [this](const batch_progress& m) { w_->progress.push_back(m); },
        [this](const batch_finished& m) { return on_batch_finished(m); },
    };
  }

private:
  caf::result<done> on_batch_finished(const batch_finished& m) {
    w_->ends.push_back(m);
    if (!w_->acknowledges_ends) return act::error_of(errc::unreachable);
    return done{};
  }
  node_and_store* w_;
};

class played_store {
public:
  using interface = worker_objects_ref;
  static constexpr const char* name = "played store";
  played_store(interface::pointer, node_and_store* w) : w_{w} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const put_objects& m) { return on_put_objects(m); },
        [this](const read_object& m) { return on_read_object(m); },
    };
  }

private:
  caf::result<put_answer> on_put_objects(const put_objects& m) {
    w_->puts.push_back(m);
    if (w_->store_says != errc::ok) return act::error_of(w_->store_says);
    if (w_->object_says == errc::ok)
      for (const auto& o : m.objects) w_->objects[o.key] = o.data;
    return put_answer{std::vector<errc>(m.objects.size(), w_->object_says)};
  }
  caf::result<object_slice> on_read_object(const read_object& m) {
    ++w_->reads;
    if (w_->store_says != errc::ok) return act::error_of(w_->store_says);
    auto found = w_->objects.find(m.key);
    if (found == w_->objects.end()) return act::error_of(errc::not_found);
    const auto& data = found->second;
    auto size = std::min<std::uint64_t>(data.size() - m.offset, std::min<std::uint64_t>(m.length_max, w_->slice_bytes));
    return object_slice{data.size(), blob{{data.owner(), data.data() + m.offset}, static_cast<std::size_t>(size)}};
  }
  node_and_store* w_;
};

/// The null model; tells when it was kept warm.
class warm_renderer final : public renderer {
public:
  explicit warm_renderer(std::counting_semaphore<>& warmed) : warmed_{warmed} {}
  std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) override { return to_.begin(std::move(jobs)); }
  std::unique_ptr<render_batch> resume(std::vector<run_job> jobs, const std::vector<blob>& saved) override {
    return to_.resume(std::move(jobs), saved);
  }
  void keep_warm() override { warmed_.release(); }
  std::string device() const override { return "null"; }
  std::uint64_t memory_bytes() const override { return 0; }
  std::uint64_t take_peak_bytes() override { return 0; }

private:
  null_renderer to_{renderer_options{}};
  std::counting_semaphore<>& warmed_;
};

/// A worker with one batch of one job.
struct one_batch : node_and_store {
  explicit one_batch(std::chrono::milliseconds keep_warm = 0ms) {
    std::map<model_id, std::unique_ptr<renderer>> models;
    models.emplace(model_id{"m"}, std::make_unique<warm_renderer>(warmed));
    render_thread::events events{[](const batch_progress&) {}, [this](const batch_rendered& m) { hear(m); }};
    thread = std::make_unique<render_thread>(std::move(models), events);
    worker_wiring w{worker_ready{{"workers-1/0"}, {{"m"}}, "null", 0},
                    act::spawn_shell<played_slot>(system.actors(), static_cast<node_and_store*>(this)),
                    act::spawn_shell<played_store>(system.actors(), static_cast<node_and_store*>(this)), thread.get(),
                    [this](int code) { quit_with = code; }};
    worker_options o;
    o.keep_warm = keep_warm;
    self = act::spawn_shell<worker>(system.actors(), w, o);
  }

  void take(saved_run from = {}) {
    run_batch b{batch, {"workers-1/0"}, 30s, {}};
    b.jobs.push_back({job, 3, {}, {}, {}, object_prefix({"acme"}, job, 1, 3)});
    b.jobs[0].params.model = {"m"};
    b.jobs[0].params.steps = 4;
    b.jobs[0].saved = std::move(from);
    system.ask<done>(self, b, 5s);
  }
  /// As the render thread tells of one job that left with its work.
  void left(const std::string& state, bool forget_saved = false) {
    batch_rendered part{batch, {}, false, errc::ok, {}, 0};
    rendered_sample s{job, 3, errc::preempted, {}, {}};
    if (!state.empty()) s.saved = std::make_shared<packed_run>(pack_run(blob::copy_of(state)));
    s.steps = state.empty() ? 0 : 2;
    s.forget_saved = forget_saved;
    part.samples.push_back(std::move(s));
    act::post(self, std::move(part));
    act::post(self, batch_rendered{batch, {}, true, errc::ok, {}, 0, 0, {}, {expert::high_noise, 2, 1, 50}, 30ms});
    system.run();
  }
  /// Puts it into the store.
  saved_run stored(const std::string& state) {
    auto packed = pack_run(blob::copy_of(state));
    auto put = [this](const run_part& p) {
      auto key = make_object_key(object_prefix({"acme"}, job, 1, 2), artifact::saved_run, p.sha256);
      objects[key] = p.data;
      return key;
    };
    for (const auto& part : packed.parts) put(part);
    return {put(packed.list), packed.size_bytes, 2};
  }
  /// What the real render thread says about the batch, until its end.
  std::vector<rendered_sample> wait_for_samples() {
    std::unique_lock lock{heard_mutex};
    REQUIRE(heard_all.wait_for(lock, 30s, [this] { return heard_end; }));
    return heard;
  }

  void rendered(blob video, errc code = errc::ok) {
    batch_rendered m{batch, {}, true, code, code == errc::ok ? "" : "broken", 0};
    if (code == errc::ok) m.samples.push_back({job, 3, errc::ok, {}, {std::move(video), {}}});
    act::post(self, std::move(m));
    system.run();
  }
  void renew() {
    act::post(self, renew_lease{batch, {"workers-1/0"}});
    system.run();
  }

  void hear(const batch_rendered& m) {
    std::lock_guard lock{heard_mutex};
    heard.insert(heard.end(), m.samples.begin(), m.samples.end());
    heard_end = heard_end || m.last;
    heard_all.notify_one();
  }
  std::mutex heard_mutex; ///< guards what follows; the thread's word goes nowhere else
  std::condition_variable heard_all;
  std::vector<rendered_sample> heard;
  bool heard_end = false;

  std::counting_semaphore<> warmed{0};
  deterministic_system system;
  std::unique_ptr<render_thread> thread;
  worker::interface self;
  std::optional<int> quit_with;
  const batch_id batch = sample::batch(1);
  const job_id job = sample::job(1);
};

} // namespace

TEST_CASE("a finished file is stored under its key before the end is told") {
  one_batch w;
  w.take();
  w.rendered(blob::copy_of("video"));
  REQUIRE(w.puts.size() == 1);
  auto key = parse_object_key(w.puts[0].objects[0].key);
  REQUIRE(key);
  CHECK(key->job == w.job);
  CHECK(key->fence == 3);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::ok);
  CHECK(w.ends[0].results[0].video.size_bytes == 5);
  CHECK(w.ends[0].results[0].video.sha256 == key->sha256);
}

TEST_CASE("without renewals the worker stops before its lease ends, and stores nothing any more") {
  one_batch w;
  w.take();
  w.system.advance(20s);
  w.renew();
  w.system.advance(24s);
  CHECK(w.ends.empty());
  w.system.advance(2s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::lease_expired);
  w.rendered(blob::copy_of("too late"));
  CHECK(w.puts.empty());
  CHECK(w.ends.size() == 1);
}

TEST_CASE("a lease that is over is not renewed, and a result that comes between two looks at it is not stored") {
  one_batch w;
  w.system.advance(500ms);
  w.take(); // until 25.5 s; it is looked at every full second
  w.system.advance(25'200ms);
  SECTION("a result") { w.rendered(blob::copy_of("video")); }
  SECTION("a renewal") { w.renew(); }
  CHECK(w.puts.empty());
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::lease_expired);
}

TEST_CASE("what waits for the store for a while says so, once: it is not computed any more") {
  one_batch w;
  w.take();
  w.store_says = errc::unreachable;
  w.rendered(blob::copy_of("video"));
  CHECK(w.progress.empty());
  w.system.advance(5s);
  REQUIRE(w.progress.size() == 1);
  CHECK(w.progress[0].batch == w.batch);
  CHECK(w.progress[0].phase == run_phase::storing);
}

TEST_CASE("while the store cannot be reached the files are kept and sent again") {
  one_batch w;
  w.take();
  SECTION("no answer") { w.store_says = errc::unreachable; }
  SECTION("an answer") { w.object_says = errc::unavailable; }
  w.rendered(blob::copy_of("video"));
  w.system.advance(3s);
  CHECK(w.puts.size() > 3);
  CHECK(w.ends.empty());
  w.store_says = w.object_says = errc::ok;
  w.system.advance(1s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == errc::ok);
}

TEST_CASE("a store that takes nothing for a quarter of an hour costs the rendering") {
  one_batch w;
  w.take();
  w.object_says = errc::unavailable;
  w.rendered(blob::copy_of("video"));
  auto renew_for = [&w](std::chrono::seconds time) {
    for (auto t = 0s; t < time; t += 5s) {
      w.renew();
      w.system.advance(5s);
    }
  };
  renew_for(14min);
  CHECK(w.ends.empty());
  renew_for(2min);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::ok);
  CHECK(w.ends[0].results[0].code == errc::unavailable);
}

TEST_CASE("what the store refuses is the job's result, not a reason to go on for ever") {
  one_batch w;
  w.take();
  SECTION("the call") { w.store_says = errc::unsupported; }
  SECTION("the object") { w.object_says = errc::no_space; }
  w.rendered(blob::copy_of("video"));
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == (w.store_says == errc::ok ? errc::no_space : errc::unsupported));
}

TEST_CASE("a file too large to be stored fails its job and is not sent") {
  one_batch w;
  w.take();
  w.rendered(blob{std::vector<std::uint8_t>(limits::object_bytes_max + 1)});
  CHECK(w.puts.empty());
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == errc::unsupported);
}

TEST_CASE("after an internal error the process ends, once its node knows") {
  one_batch w;
  w.take();
  w.acknowledges_ends = false;
  w.rendered({}, errc::internal);
  w.system.advance(2s);
  CHECK(w.ends.size() > 1);
  CHECK_FALSE(w.quit_with);
  w.acknowledges_ends = true;
  w.system.advance(1s);
  CHECK(w.quit_with == 71);
}

TEST_CASE("progress is told at once, and then no faster than anybody can watch") {
  one_batch w;
  w.take();
  auto step = [&](int number) {
    act::post(w.self, batch_progress{w.batch, number == 0 ? run_phase::encoding : run_phase::denoising, number, 3});
    w.system.run();
  };
  step(0);
  step(1); // at the same moment
  w.system.advance(10ms);
  step(2);
  step(3);
  REQUIRE(w.progress.size() == 2);
  CHECK(w.progress[0].phase == run_phase::encoding);
  CHECK(w.progress[1].step == 2);
}

// ---------------------------------------------------------------- saved runs

TEST_CASE("a paused job's work is stored, its list last, before the end is told with its key") {
  one_batch w;
  w.take();
  w.left("latents");
  REQUIRE(w.puts.size() == 1);
  REQUIRE(w.puts[0].objects.size() == 2);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::ok);
  const auto& result = w.ends[0].results.at(0);
  CHECK(result.code == errc::preempted);
  CHECK(result.saved.steps == 2);
  CHECK(result.saved.size_bytes == 7);
  CHECK(result.saved.key == w.puts[0].objects[1].key);
  CHECK(w.ends[0].experts == expert_use{expert::high_noise, 2, 1, 50});
  CHECK(w.ends[0].hand_over_ms >= 30); // and what storing it took
  auto key = parse_object_key(result.saved.key);
  REQUIRE(key);
  CHECK(key->kind == artifact::saved_run);
  CHECK(key->fence == 3);
  CHECK(key->job == w.job);
}

TEST_CASE("a paused job of which nothing was saved just ends, and says what it could not use") {
  one_batch w;
  w.take();
  w.left("", true);
  CHECK(w.puts.empty());
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results.at(0).code == errc::preempted);
  CHECK(w.ends[0].results.at(0).saved.is_none());
  CHECK(w.ends[0].results.at(0).forget_saved);
}

TEST_CASE("a store that refuses a saved run costs the work, not the job") {
  one_batch w;
  w.take();
  SECTION("the call") { w.store_says = errc::unsupported; }
  SECTION("an object") { w.object_says = errc::no_space; }
  SECTION("it cannot be reached for long") { w.store_says = errc::unreachable; }
  w.left("latents");
  for (int i = 0; i < 25 && w.ends.empty(); ++i) {
    w.system.advance(1s);
    w.renew();
  }
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::ok);
  CHECK(w.ends[0].results.at(0).code == errc::preempted);
  CHECK(w.ends[0].results.at(0).saved.is_none());
}

TEST_CASE("a store that comes back in time keeps a saved run") {
  one_batch w;
  w.take();
  w.store_says = errc::unreachable;
  w.left("latents");
  w.system.advance(5s);
  CHECK(w.ends.empty());
  w.store_says = errc::ok;
  w.system.advance(1s);
  REQUIRE(w.ends.size() == 1);
  CHECK_FALSE(w.ends[0].results.at(0).saved.is_none());
}

TEST_CASE("a job goes on from its saved run, fetched slice by slice") {
  one_batch w;
  w.slice_bytes = 5;
  w.take(w.stored("reel-null-run 1\n" + to_string(w.job) + " 2"));
  auto samples = w.wait_for_samples();
  CHECK(w.reads > 5);
  REQUIRE(samples.size() == 1);
  CHECK(samples[0].code == errc::ok);
  CHECK_FALSE(samples[0].forget_saved);
}

TEST_CASE("a saved run that cannot be had or used is left out, and its job begins from the start") {
  one_batch w;
  auto run = w.stored("reel-null-run 1\n" + to_string(w.job) + " 2");
  SECTION("gone") { w.objects.clear(); }
  SECTION("damaged") { w.objects[run.key] = blob::copy_of("reel-run 1\n"); }
  SECTION("no saved run's key") { run.key = "../../etc/passwd"; }
  SECTION("of another job") { run = w.stored("reel-null-run 1\nvideo_00 2"); }
  SECTION("another model's") { run = w.stored("something else"); }
  SECTION("the store cannot be reached in time") { w.store_says = errc::unreachable; }
  w.take(run);
  for (int i = 0; i < 70 && w.store_says != errc::ok; ++i) {
    w.renew();
    w.system.advance(1s);
  }
  auto samples = w.wait_for_samples();
  REQUIRE(samples.size() == 1);
  CHECK(samples[0].code == errc::ok);
  CHECK(samples[0].forget_saved);
}

TEST_CASE("what is stopped while its saved run is fetched does not begin") {
  one_batch w;
  w.store_says = errc::unreachable;
  w.take(w.stored("reel-null-run 1\n" + to_string(w.job) + " 2"));
  auto keep = GENERATE(false, true);
  act::post(w.self, stop_jobs{w.batch, {"workers-1/0"}, {}, keep});
  w.system.run();
  w.store_says = errc::ok;
  w.system.advance(1s);
  auto samples = w.wait_for_samples();
  REQUIRE(samples.size() == 1);
  CHECK(samples[0].code == (keep ? errc::preempted : errc::cancelled));
  CHECK_FALSE(samples[0].saved);
  CHECK_FALSE(samples[0].forget_saved);
}

TEST_CASE("a batch whose lease runs out while its saved run is fetched is not rendered any more") {
  one_batch w;
  w.store_says = errc::unreachable;
  w.take(w.stored("x"));
  w.system.advance(30s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::lease_expired);
  w.system.advance(60s);
  CHECK(w.thread->progress() == 0);
}

TEST_CASE("a worker without work is kept warm, one with work is not") {
  one_batch w{10s};
  w.system.advance(9s);
  CHECK_FALSE(w.warmed.try_acquire());
  w.system.advance(2s);
  REQUIRE(w.warmed.try_acquire_for(30s));
  w.take();
  for (int i = 0; i < 6; ++i) {
    w.system.advance(10s);
    w.renew();
  }
  w.wait_for_samples();
  CHECK_FALSE(w.warmed.try_acquire());
  w.rendered(blob::copy_of("video"));
  w.system.advance(9s);
  CHECK_FALSE(w.warmed.try_acquire());
  w.system.advance(2s);
  REQUIRE(w.warmed.try_acquire_for(30s));
  while (w.thread->warm_runs() < 2) std::this_thread::yield(); // counted right after
  w.system.advance(1s);
  CHECK(w.warm_runs == 2);
}

TEST_CASE("nobody is kept warm who was not told to") {
  one_batch w;
  w.system.advance(1h);
  CHECK_FALSE(w.warmed.try_acquire());
  CHECK(w.thread->warm_runs() == 0);
}
