// checkpoint_resume_test.cpp: A job that goes on from a checkpoint ends as the files that it is without a break, bit
// for bit, with the small Wan model on the CPU; and where a checkpoint is of no use it ends as the same files, from its
// start. The model is the plug-in beside this program.
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <sodium.h>

#include "actors/worker/render_thread.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// The compute thread of a worker process with the small model.
class process {
public:
  process() {
    if (::sodium_init() < 0) throw std::runtime_error{"no libsodium"};
    std::map<model_id, std::unique_ptr<renderer>> models;
    models.emplace(model_id{"golden"}, make_renderer({.model = {"golden"},
                                                      .kind = "wan",
                                                      .checkpoint = REEL_SOURCE_DIR "/models/wan-golden",
                                                      .device = "cpu",
                                                      .threads = 1}));
    render_thread::events events{[](const batch_progress&) {}, [this](const batch_rendered& m) { hear(m); },
                                 [this](const batch_checkpoint& c) { hear(c); }};
    events.cadence = {.cost_most = 1, .lost_most = 0, .save_least = checkpoint_cadence::seconds{0}}; // after each step
    thread_.emplace(std::move(models), std::move(events));
  }

  struct outcome {
    std::map<job_id, rendered_sample> samples;
    std::vector<blob> checkpoints;
  };
  outcome run(const run_batch& b, saved_states states = {}) {
    thread_->submit(b, std::move(states));
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, 5min, [this] { return ended_; }));
    ended_ = false;
    return std::exchange(heard_, {});
  }

private:
  void hear(const batch_rendered& m) {
    std::lock_guard lock{mutex_};
    for (const auto& s : m.samples) heard_.samples.emplace(s.id, s);
    if (m.code != errc::ok) FAIL_CHECK(m.message);
    ended_ = m.last;
    changed_.notify_all();
  }
  void hear(const batch_checkpoint& c) {
    std::lock_guard lock{mutex_};
    heard_.checkpoints.push_back(c.run->parts.at(0).data);
  }

  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  outcome heard_;
  bool ended_ = false;
  std::optional<render_thread> thread_; ///< last: ends first
};

run_batch batch_of(std::uint64_t number, std::vector<std::uint64_t> jobs) {
  run_batch b{sample::batch(number), {"workers-1/0"}, 30s, {}};
  for (auto n : jobs) {
    run_job job{sample::job(n), 1, {20, 21, static_cast<std::int32_t>(30 + n)}, {7, 8, 1}};
    job.params = {.model = {"golden"},
                  .width = 48,
                  .height = 64,
                  .frames = 9,
                  .fps = 16,
                  .steps = 6,
                  .sampler = sampler_kind::unipc,
                  .guidance_high = 3,
                  .guidance_low = 3,
                  .flow_shift = 12,
                  .seed = 100 + n};
    b.jobs.push_back(std::move(job));
  }
  return b;
}

run_batch resumed(run_batch b, int steps) {
  for (auto& job : b.jobs) job.saved = {"key", 1, steps};
  return b;
}

void check_same(const process::outcome& found, const process::outcome& expected, bool from_start) {
  for (const auto& [id, s] : found.samples) {
    CHECK(s.code == errc::ok);
    CHECK(s.forget_saved == from_start);
    CHECK(s.files.video == expected.samples.at(id).files.video);
    CHECK(s.files.thumbnail == expected.samples.at(id).files.thumbnail);
  }
}

/// Of another checkpoint's weights: another digit of their fingerprint.
blob of_other_weights(const blob& state) {
  std::vector<std::uint8_t> bytes{state.bytes().begin(), state.bytes().end()};
  const std::string mark{"\"model\":\""};
  auto at = std::search(bytes.begin(), bytes.end(), mark.begin(), mark.end());
  REQUIRE(at != bytes.end());
  auto& digit = *(at + static_cast<std::ptrdiff_t>(mark.size()));
  digit = digit == '1' ? '2' : '1';
  return blob{std::move(bytes)};
}

blob cut_short(const blob& state) {
  return blob{std::vector<std::uint8_t>{state.bytes().begin(), state.bytes().end() - 1}};
}

} // namespace

TEST_CASE("what goes on from any checkpoint ends as the same files, together or alone, and is saved on") {
  process first;
  const auto whole = first.run(batch_of(1, {1, 2}));
  REQUIRE(whole.samples.size() == 2);
  REQUIRE(whole.checkpoints.size() == 5); // after each step but the last
  process second;
  for (int step : {1, 3, 5}) {
    INFO("after step " << step);
    const auto& state = whole.checkpoints[static_cast<std::size_t>(step) - 1];
    auto rest = second.run(resumed(batch_of(static_cast<std::uint64_t>(10 + step), {1, 2}), step), {{"key", state}});
    CHECK(rest.samples.size() == 2);
    CHECK(rest.checkpoints.size() == static_cast<std::size_t>(5 - step));
    check_same(rest, whole, false);
  }
  // After a crash each of a batch's jobs goes on alone; and dies again.
  auto alone = second.run(resumed(batch_of(20, {2}), 3), {{"key", whole.checkpoints[2]}});
  check_same(alone, whole, false);
  auto again = first.run(resumed(batch_of(21, {2}), 4), {{"key", alone.checkpoints.at(0)}});
  check_same(again, whole, false);
}

TEST_CASE("a checkpoint that is missing, damaged or of other weights is not used: the job begins from the start") {
  process one;
  const auto whole = one.run(batch_of(1, {1}));
  saved_states states;
  SECTION("missing") {}
  SECTION("damaged") { states = {{"key", cut_short(whole.checkpoints.at(2))}}; }
  SECTION("of other weights") { states = {{"key", of_other_weights(whole.checkpoints.at(2))}}; }
  check_same(one.run(resumed(batch_of(2, {1}), 3), states), whole, true);
}
