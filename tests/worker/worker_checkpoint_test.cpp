// worker_checkpoint_test.cpp: What the actor of a worker process does with what its compute thread saves on the way: it
// is stored and told, or given up, and never told of a batch whose lease is over. In virtual time; see
// worker_world.hpp.
#include "tests/worker/worker_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

batch_checkpoint checkpoint_of(const one_batch& w, const std::string& state, std::int32_t steps) {
  batch_checkpoint c{std::make_shared<packed_run>(pack_run(blob::copy_of(state))), {}, 1500us};
  c.samples.push_back({w.batch, w.job, 3, steps});
  return c;
}

void store(one_batch& w, batch_checkpoint c) {
  act::post(w.self, std::move(c));
  w.system.run();
}

} // namespace

TEST_CASE("what a running batch has done is stored, part by part, before it is told") {
  one_batch w;
  w.take();
  store(w, checkpoint_of(w, std::string(20u << 20, 's'), 2));
  CHECK(w.puts.size() == 4); // three parts and their list
  REQUIRE(w.saved.size() == 1);
  CHECK(w.saved[0].batch == w.batch);
  CHECK(w.saved[0].cost_us == 1500);
  REQUIRE(w.saved[0].jobs.size() == 1);
  const auto& job = w.saved[0].jobs[0];
  CHECK(job.id == w.job);
  CHECK(job.fence == 3);
  CHECK(job.saved.steps == 2);
  CHECK(job.saved.size_bytes == 20u << 20);
  CHECK(w.objects.contains(job.saved.key));
  CHECK(w.puts.back().objects.at(0).key == job.saved.key);
  CHECK(w.ends.empty());
}

TEST_CASE("batches that were computed together share what is stored, and each is told of its own jobs") {
  one_batch w;
  w.take();
  run_batch other{sample::batch(2), {"workers-1/0"}, 30s, {}};
  other.jobs.push_back({sample::job(2), 1, {}, {}, {}, object_prefix({"acme"}, sample::job(2), 1, 1)});
  other.jobs[0].params = {.model = {"m"}, .steps = 4};
  w.system.ask<done>(w.self, other, 5s);
  auto c = checkpoint_of(w, "both", 2);
  c.samples.push_back({other.batch, other.jobs[0].id, 1, 1});
  c.samples.push_back({sample::batch(3), sample::job(3), 1, 1}); // it has ended meanwhile
  store(w, std::move(c));
  CHECK(w.puts.size() == 2);
  REQUIRE(w.saved.size() == 2);
  CHECK(w.saved[1].batch == other.batch);
  CHECK(w.saved[1].cost_us == 0); // once for both
  REQUIRE(w.saved[1].jobs.size() == 1);
  CHECK(w.saved[1].jobs[0].saved.steps == 1);
  CHECK(w.saved[1].jobs[0].saved.key == w.saved[0].jobs[0].saved.key);
}

TEST_CASE("a checkpoint that cannot be stored is given up, and the next one is not") {
  one_batch w;
  w.take();
  SECTION("the call") { w.store_says = errc::unreachable; }
  SECTION("the object") { w.object_says = errc::no_space; }
  auto first = checkpoint_of(w, "first", 2);
  std::weak_ptr<const packed_run> held = first.run;
  store(w, std::move(first));
  CHECK(w.saved.empty());
  CHECK(held.expired()); // the compute thread may make another
  w.store_says = w.object_says = errc::ok;
  store(w, checkpoint_of(w, "second", 4));
  REQUIRE(w.saved.size() == 1);
  CHECK(w.saved[0].jobs[0].saved.steps == 4);
}

TEST_CASE("a checkpoint of a batch that has ended, or lost its lease, is nobody's any more") {
  one_batch w;
  w.take();
  std::size_t puts = 0;
  SECTION("ended") {
    w.rendered(blob::copy_of("video"));
    puts = 1; // the video
  }
  SECTION("lease lost") { w.system.advance(40s); }
  store(w, checkpoint_of(w, "late", 2));
  CHECK(w.saved.empty());
  CHECK(w.puts.size() == puts);
}
