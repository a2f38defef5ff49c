// render_thread_test.cpp: How jobs leave a batch: at once, or kept with their work; and how they go on.
#include <catch2/catch_test_macros.hpp>

#include "tests/worker/gated_thread.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;

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

TEST_CASE("one video that lacks memory is computed again in low-memory mode, from where it had been saved") {
  heard_thread t;
  t.gate.may.release(100);
  auto b = batch_of(1);
  b.until_step = 2;
  t.thread->submit(b);
  const auto state = state_of(t.end().begin()->second);

  t.gate.lacks_memory = true;
  b.until_step = 0;
  b.batch = sample::batch(2);
  b.jobs[0].saved = {"key", 1, 2};
  t.thread->submit(b, {{"key", state}});
  t.wait([&t] { return !t.progress.empty(); });
  CHECK(t.progress.front().step == 2);
  const auto s = t.end().at(b.jobs[0].id);
  CHECK(s.code == errc::ok);
  CHECK(s.files.video.size() == 10);
  CHECK_FALSE(s.forget_saved);
  CHECK(t.ends.at(b.batch).code == errc::ok);

  t.gate.lacks_memory = false; // read by the thread only while it computes
  b.batch = sample::batch(3);
  t.thread->submit(b, {{"key", state}});
  CHECK(t.end().at(b.jobs[0].id).code == errc::ok);
  CHECK(t.gate.kept_lean == std::vector{true, false}); // for the one alone
}

TEST_CASE("what lacks memory in low-memory mode too fails, and several videos are not tried in it") {
  heard_thread t;
  t.gate.may.release(100);
  t.gate.lacks_memory = t.gate.lacks_it_lean = true;
  auto b = batch_of(1);
  t.thread->submit(b);
  CHECK(t.end().empty());
  CHECK(t.ends.at(b.batch).code == errc::out_of_memory);
  CHECK(t.gate.kept_lean == std::vector{true, false});

  b = batch_of(2);
  b.batch = sample::batch(2);
  t.thread->submit(b);
  CHECK(t.end().empty());
  CHECK(t.ends.at(b.batch).code == errc::out_of_memory);
  CHECK(t.gate.kept_lean.size() == 2);
}
