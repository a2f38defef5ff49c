// worker_actor_test.cpp: The actor of a worker process: its uploads, its saved runs, its end of a batch. See
// worker_world.hpp.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "runtime/limits.hpp"
#include "tests/worker/worker_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

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
  w.system.advance(3499ms);
  CHECK(w.puts.size() == 3); // at once, and after half a second and a second
  w.system.advance(12s);
  CHECK(w.puts.size() == 9); // and then every two
  CHECK(w.ends.empty());
  w.store_says = w.object_says = errc::ok;
  w.system.advance(2s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].results[0].code == errc::ok);
}

TEST_CASE("a store that takes nothing for a quarter of an hour costs the rendering") {
  one_batch w;
  w.take();
  w.object_says = errc::unavailable;
  w.rendered(blob::copy_of("video"));
  auto renew_for = [&w, n = 0u](std::chrono::seconds time) mutable {
    for (auto t = 0s; t < time; t += 5s, ++n) {
      w.renew(n + 1, n);
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
