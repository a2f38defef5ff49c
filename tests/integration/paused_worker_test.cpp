// paused_worker_test.cpp: A run that one worker process was told to pause goes on in another process, and its videos
// are those of a run without a break, byte for byte. Method: real reel-worker processes with the small Wan model on the
// real local link and over the real door to the object store; their node is played.
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>

#include "actors/storage/memory_objects.hpp"
#include "actors/storage/objects_actor.hpp"
#include "actors/storage/worker_objects.hpp"
#include "actors/worker/worker_input.hpp"
#include "runtime/child_process.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/link/zmq_link.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// What the workers said.
struct heard {
  template <class Condition> void wait(Condition is) {
    std::unique_lock lock{mutex};
    REQUIRE(changed.wait_for(lock, 120s, is));
  }
  std::mutex mutex; ///< guards what follows
  std::condition_variable changed;
  std::set<worker_id> ready;
  std::vector<batch_progress> progress;
  std::map<batch_id, batch_finished> ends;
  std::set<batch_id> to_pause;
};

/// The node's side of all slots. Pauses what it is to pause at the first step that it hears of.
class played_slots {
public:
  using interface = slot_ref;
  static constexpr const char* name = "played slots";
  played_slots(interface::pointer self, heard* h, std::vector<worker_ref> workers)
      : self_{self}, h_{h}, workers_{std::move(workers)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const worker_ready& m) { note([&] { h_->ready.insert(m.id); }); },
        [](const worker_alive&) {},
        [this](const batch_progress& m) { on_batch_progress(m); },
        [](const batch_saved&) {},
        [this](const batch_finished& m) {
          note([&] { h_->ends.emplace(m.batch, m); });
          return done{};
        },
    };
  }

private:
  template <class F> void note(F what) {
    std::lock_guard lock{h_->mutex};
    what();
    h_->changed.notify_all();
  }
  void on_batch_progress(const batch_progress& m) {
    bool pause = false;
    note([&] {
      h_->progress.push_back(m);
      pause = m.phase == run_phase::denoising && h_->to_pause.erase(m.batch) > 0;
    });
    if (!pause) return;
    for (const auto& w : workers_) act::tell(self_, w, stop_jobs{m.batch, {}, {}, true});
  }
  interface::pointer self_;
  heard* h_;
  std::vector<worker_ref> workers_;
};

class played_node {
public:
  played_node() {
    for (int i = 0; i < 2; ++i) workers.push_back(local.remote<worker_protocol>(peer(i), role::worker, 60s));
    local.serve<slot_protocol>(role::slots, act::spawn_shell<played_slots>(system.actors, &said, workers));
    auto objects = act::spawn_shell<objects_actor>(system.actors, store, objects_actor_options{});
    local.serve<worker_objects_protocol>(role::objects,
                                         act::spawn_shell<worker_objects>(system.actors, objects_ref{objects}));
    local.start(link);
    link.start(local);
  }
  ~played_node() {
    children.signal_all(SIGKILL);
    link.stop();
    local.stop();
    std::filesystem::remove_all(folder);
  }

  static node_id peer(int i) { return {"slot-" + std::to_string(i)}; }

  int start(int i) {
    worker_input in{.id = {"workers-1/" + std::to_string(i)}, .local_peer = peer(i), .endpoint = link.endpoint()};
    in.token = "token-of-the-slot-number-" + std::to_string(i);
    in.models.push_back({.model = {"wan-golden"},
                         .kind = "wan",
                         .checkpoint = REEL_SOURCE_DIR "/models/wan-golden",
                         .device = "cpu",
                         .threads = 1});
    link.add_peer({peer(i), {}, {}, in.token});
    auto pid = children.start({{REEL_BIN_DIR "/reel-worker"}, to_json(in), folder + "/log"}, [](int, child_exit) {});
    said.wait([&] { return said.ready.contains(in.id); });
    return pid;
  }

  /// Runs it on worker i to its end.
  batch_finished run(int i, const run_batch& b) {
    caf::scoped_actor asker{system.actors, true};
    asker->request(workers[static_cast<std::size_t>(i)], 60s, b)
        .receive([](const done&) {}, [](const caf::error& e) { FAIL(caf::to_string(e)); });
    said.wait([&] { return said.ends.contains(b.batch); });
    std::lock_guard lock{said.mutex};
    return said.ends.at(b.batch);
  }

  static std::string make_folder() {
    auto path = fmt::format("/tmp/reel-paused-{}", ::getpid());
    std::filesystem::create_directories(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  const std::string folder = make_folder();
  act::system system{2};
  heard said;
  std::shared_ptr<memory_objects> store = std::make_shared<memory_objects>([] { return sample::wall0; });
  hub local{system.actors};
  zmq_link link{{.self = local_parent, .epoch = draw_epoch(), .listen = "ipc://" + folder + "/slots"}};
  child_processes children;
  std::vector<worker_ref> workers;
};

/// Two jobs; `number` is the batch's and the fence.
run_batch batch_of(std::uint32_t number, int worker) {
  run_batch b{sample::batch(number), {"workers-1/" + std::to_string(worker)}, 600s, {}};
  for (std::uint64_t n = 1; n <= 2; ++n) {
    auto id = sample::job(n);
    run_job job{id, number, {20, 21, static_cast<int>(30 + n)}, {7, 8, 1}, {}, object_prefix({"acme"}, id, 1, number)};
    job.params = {{"wan-golden"}, 96, 96, 17, 16, 20, sampler_kind::unipc, 4, 3, 12, 100 + n};
    b.jobs.push_back(std::move(job));
  }
  return b;
}

void check_same_videos(const batch_finished& a, const batch_finished& b) {
  REQUIRE(a.code == errc::ok);
  REQUIRE(b.code == errc::ok);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(a.results.at(i).code == errc::ok);
    CHECK(a.results.at(i).video.size_bytes > 0);
    CHECK(a.results.at(i).video == b.results.at(i).video);
    CHECK(a.results.at(i).thumbnail == b.results.at(i).thumbnail);
  }
}

} // namespace

TEST_CASE("a run paused in one worker process goes on in another to the same videos, byte for byte") {
  played_node node;
  auto pid = node.start(0);
  auto whole = node.run(0, batch_of(1, 0));
  REQUIRE(whole.code == errc::ok);

  auto paused = batch_of(2, 0);
  node.said.to_pause.insert(paused.batch); // nothing is said meanwhile
  auto stopped = node.run(0, paused);
  REQUIRE(stopped.code == errc::ok);
  auto rest = batch_of(3, 1);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& result = stopped.results.at(i);
    REQUIRE(result.code == errc::preempted);
    REQUIRE(result.saved.steps > 0);
    REQUIRE(result.saved.steps < 20);
    CHECK(result.saved.key == stopped.results[0].saved.key);
    rest.jobs[i].saved = result.saved;
  }
  REQUIRE(node.children.signal(pid, SIGKILL));

  node.start(1);
  auto resumed = node.run(1, rest);
  check_same_videos(whole, resumed);
  CHECK_FALSE(resumed.results[0].forget_saved);
  auto first = std::ranges::find(node.said.progress, rest.batch, &batch_progress::batch);
  REQUIRE(first != node.said.progress.end());
  CHECK(first->step == rest.jobs[0].saved.steps);

  auto damaged = rest;
  damaged.batch = sample::batch(4);
  node.store->damage(rest.jobs[0].saved.key, blob::copy_of("something else"));
  auto again = node.run(1, damaged);
  check_same_videos(whole, again);
  for (const auto& result : again.results) CHECK(result.forget_saved);
}
