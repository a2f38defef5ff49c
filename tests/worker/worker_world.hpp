// worker_world.hpp: The actor of a worker process in virtual time, with one batch: its node, the object store and the
// compute thread's events are played. For the actor ring.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <semaphore>

#include "actors/worker/null_renderer.hpp"
#include "actors/worker/worker.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/samples.hpp"

namespace reel {

using namespace std::chrono_literals;

struct node_and_store {
  std::vector<batch_finished> ends;
  std::vector<put_objects> puts;
  std::vector<batch_progress> progress;
  std::vector<batch_saved> saved;
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
        [this](const batch_saved& m) { w_->saved.push_back(m); },
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
  void renew(std::uint32_t number, std::uint32_t acknowledged) {
    act::post(self, renew_lease{batch, {"workers-1/0"}, number, acknowledged});
    system.run();
  }
  /// As a supervisor does that hears every answer.
  void renew() {
    ++renewals;
    renew(renewals, renewals - 1);
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

  std::uint32_t renewals = 0;
  std::counting_semaphore<> warmed{0};
  deterministic_system system;
  std::unique_ptr<render_thread> thread;
  worker::interface self;
  std::optional<int> quit_with;
  const batch_id batch = sample::batch(1);
  const job_id job = sample::job(1);
};

} // namespace reel
