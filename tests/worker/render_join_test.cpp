// render_join_test.cpp: Batches that are computed together: how they join, end, leave, and are saved and known.
#include <catch2/catch_test_macros.hpp>

#include "tests/worker/gated_thread.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;

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
