// worker_actor_test.cpp: The actor of a worker process in virtual time: its fence, its uploads, its end of a batch. The
// node, the object store and the compute thread's events are played.
#include <catch2/catch_test_macros.hpp>

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
  errc store_says = errc::ok;    ///< to the call
  errc object_says = errc::ok;   ///< to every object of it
  bool acknowledges_ends = true; ///< the node
};

class played_slot {
public:
  using interface = slot_ref;
  static constexpr const char* name = "played slot";
  played_slot(interface::pointer, node_and_store* w) : w_{w} {}
  interface::behavior_type make_behavior() {
    return {
        [](const worker_ready&) {},
        [](const worker_alive&) {},
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
  using interface = uploads_ref;
  static constexpr const char* name = "played store";
  played_store(interface::pointer, node_and_store* w) : w_{w} {}
  interface::behavior_type make_behavior() {
    return {[this](const put_objects& m) { return on_put_objects(m); }};
  }

private:
  caf::result<put_answer> on_put_objects(const put_objects& m) {
    w_->puts.push_back(m);
    if (w_->store_says != errc::ok) return act::error_of(w_->store_says);
    return put_answer{std::vector<errc>(m.objects.size(), w_->object_says)};
  }
  node_and_store* w_;
};

/// A worker with one batch of one job.
struct one_batch : node_and_store {
  one_batch() {
    std::map<model_id, std::unique_ptr<renderer>> models;
    models.emplace(model_id{"m"}, std::make_unique<null_renderer>(renderer_options{}));
    render_thread::events unheard{[](const batch_progress&) {}, [](const batch_rendered&) {}};
    thread = std::make_unique<render_thread>(std::move(models), unheard);
    worker_wiring w{worker_ready{{"workers-1/0"}, {{"m"}}, "null", 0},
                    act::spawn_shell<played_slot>(system.actors(), static_cast<node_and_store*>(this)),
                    act::spawn_shell<played_store>(system.actors(), static_cast<node_and_store*>(this)), thread.get(),
                    [this](int code) { quit_with = code; }};
    self = act::spawn_shell<worker>(system.actors(), w, worker_options{});
    run_batch b{batch, {"workers-1/0"}, 30s, {}};
    b.jobs.push_back({job, 3, {}, {}, {}, object_prefix({"acme"}, job, 1, 3)});
    b.jobs[0].params.model = {"m"};
    system.ask<done>(self, b, 5s);
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

TEST_CASE("while the store cannot be reached the files are kept and sent again") {
  one_batch w;
  w.store_says = errc::unreachable;
  w.rendered(blob::copy_of("video"));
  w.system.advance(3s);
  CHECK(w.puts.size() > 3);
  CHECK(w.ends.empty());
  w.store_says = errc::ok;
  w.system.advance(1s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == errc::ok);
}

TEST_CASE("what the store refuses is the job's result, not a reason to go on for ever") {
  one_batch w;
  SECTION("the call") { w.store_says = errc::unsupported; }
  SECTION("the object") { w.object_says = errc::no_space; }
  w.rendered(blob::copy_of("video"));
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == (w.store_says == errc::ok ? errc::no_space : errc::unsupported));
}

TEST_CASE("a file too large to be stored fails its job and is not sent") {
  one_batch w;
  w.rendered(blob{std::vector<std::uint8_t>(limits::object_bytes_max + 1)});
  CHECK(w.puts.empty());
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == errc::unsupported);
}

TEST_CASE("after an internal error the process ends, once its node knows") {
  one_batch w;
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
