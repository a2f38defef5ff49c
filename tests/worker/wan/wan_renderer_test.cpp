// wan_renderer_test.cpp: The model behind the worker's interface: jobs become files, the same job becomes the
// same file alone and in a batch, and trouble has the code that the worker acts on. The golden model has
// random weights: what it draws is noise, and as good as any picture for this.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/guarded.hpp"
#include "actors/worker/wan/process_memory.hpp"
#include "actors/worker/wan/tensor_memory.hpp"
#include "actors/worker/wan/wan_renderer.hpp"
#include "tests/worker/wan/jobs.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

TEST_CASE("a job gives the same video and thumbnail alone and in a batch of three") {
  for (int threads : {2, 1}) { // the last one stays for the other tests
    auto model = make_wan_renderer(cpu_options(threads));
    auto three = model->begin({some_job(0), some_job(1), some_job(2)});
    denoise(*three);
    for (int i = 0; i < 3; ++i) {
      auto alone = model->begin({some_job(i)});
      denoise(*alone);
      auto expected = finish(*alone, 0), found = finish(*three, static_cast<std::size_t>(i));
      CHECK(expected.video.size() > 1000);
      CHECK(expected.thumbnail.size() > 100);
      CHECK(found.video == expected.video);
      CHECK(found.thumbnail == expected.thumbnail);
    }
  }
}

TEST_CASE("a final after its preview encodes no text again and is the video that it is without") {
  auto preview = some_job(2), last = some_job(2);
  preview.params.steps = 2;
  preview.params.width = 32;
  auto video_of = [&](renderer& model, std::uint32_t reused) {
    auto batch = model.begin({last});
    denoise(*batch);
    CHECK(batch->costs().at(0).texts_reused == reused);
    return finish(*batch, 0);
  };
  auto fresh = make_wan_renderer(cpu_options()), same = make_wan_renderer(cpu_options());
  denoise(*same->begin({preview}));
  auto expected = video_of(*fresh, 0), found = video_of(*same, 1);
  CHECK(found.video == expected.video);
  CHECK(found.thumbnail == expected.thumbnail);
}

TEST_CASE("a job that leaves does not change the others, and another seed gives another video") {
  auto model = make_wan_renderer(cpu_options());
  auto pair = model->begin({some_job(0), some_job(2)});
  pair->prepare();
  pair->step();
  pair->drop(0);
  while (pair->steps_done() < pair->steps_total()) pair->step();
  auto alone = model->begin({some_job(2)});
  denoise(*alone);
  auto video = finish(*alone, 0).video;
  CHECK(finish(*pair, 1).video == video);

  auto other = some_job(2);
  other.params.seed = 999;
  auto changed = model->begin({other});
  denoise(*changed);
  CHECK_FALSE(finish(*changed, 0).thumbnail == finish(*pair, 1).thumbnail);
}

TEST_CASE("decoding reports life once per latent frame, and steps are counted") {
  auto model = make_wan_renderer(cpu_options());
  auto batch = model->begin({some_job(0)});
  CHECK(batch->steps_total() == 4);
  denoise(*batch);
  CHECK(batch->steps_done() == 4);
  int ticks = 0;
  batch->finish(0, [&ticks] { ++ticks; });
  CHECK(ticks == 3);
  CHECK_THROWS_AS(batch->step(), std::logic_error);
}

TEST_CASE("a sample that is dropped or not done has no video") {
  auto model = make_wan_renderer(cpu_options());
  auto batch = model->begin({some_job(0), some_job(1)});
  batch->prepare();
  CHECK_THROWS_AS(finish(*batch, 0), std::logic_error);
  batch->drop(1);
  while (batch->steps_done() < batch->steps_total()) batch->step();
  CHECK_THROWS_AS(finish(*batch, 1), std::logic_error);
  batch->drop(0);
  CHECK_THROWS_AS(finish(*batch, 0), std::logic_error);
}

TEST_CASE("jobs that the model cannot make are refused before any work") {
  auto model = make_wan_renderer(cpu_options());
  auto wide = some_job(0);
  wide.params.width = 50;
  CHECK(code_of([&] { model->begin({wide}); }) == errc::unsupported);
  CHECK(code_of([&] { model->begin({}); }) == errc::invalid_argument);
}

TEST_CASE("a model that cannot be loaded says why") {
  auto missing = cpu_options();
  missing.checkpoint = "/nowhere";
  CHECK(code_of([&] { make_wan_renderer(missing); }) == errc::not_found);
  auto elsewhere = cpu_options();
  elsewhere.device = "cuda:99";
  CHECK(code_of([&] { make_wan_renderer(elsewhere); }) == errc::unsupported);
}

TEST_CASE("an allocation beyond the machine is out of memory, and the model works on") {
  auto model = make_wan_renderer(cpu_options());
  auto too_much = [] { guarded([] { return at::empty({std::int64_t{1} << 46}, at::kFloat); }); };
  CHECK(code_of(too_much) == errc::out_of_memory);
  CHECK(code_of([] { guarded([]() -> int { throw std::bad_alloc{}; }); }) == errc::out_of_memory);
  CHECK(code_of([] { guarded([] { return at::empty({2, 3}).mm(at::empty({2, 3})); }); }) == errc::internal);
  auto batch = model->begin({some_job(0)});
  denoise(*batch);
  CHECK(finish(*batch, 0).video.size() > 1000);
}

TEST_CASE("the device's memory and its peak use are known on the CPU") {
  auto model = make_wan_renderer(cpu_options());
  CHECK(model->device() == "cpu");
  CHECK(model->memory_bytes() > (std::uint64_t{1} << 28));
  take_peak_resident_bytes();
  constexpr std::size_t size = 64 << 20;
  { std::vector<char> block(size, 'x'); }
  auto with_block = model->take_peak_bytes();
  CHECK(with_block > size);
  CHECK(model->take_peak_bytes() + size / 2 < with_block); // the mark was reset
  CHECK(model->used_bytes() > size / 64);
  CHECK(model->used_bytes() < with_block);
}

TEST_CASE("beyond a budget a batch ends as out of memory, leaves nothing behind, and smaller ones go on") {
  auto model = make_wan_renderer(cpu_options());
  auto& memory = memory_of(at::kCPU);
  auto run = [&](std::vector<run_job> jobs) {
    auto batch = model->begin(std::move(jobs));
    denoise(*batch);
    return finish(*batch, 0).video;
  };
  auto expected = run({some_job(0)}); // also keeps the negative prompt
  auto before = memory.used_bytes();
  auto large = some_job(0);
  large.params.width = large.params.height = 256;
  memory.limit(before + (8 << 20));
  CHECK(code_of([&] { run({large, large}); }) == errc::out_of_memory);
  auto after = memory.used_bytes();
  CHECK(static_cast<double>(after) < 1.05 * static_cast<double>(before));
  CHECK(run({some_job(0)}) == expected);
  memory.limit(0);
  CHECK(run({large, large}).size() > 1000);
}

TEST_CASE("in low-memory mode a model holds less, and makes the same videos") {
  auto options = cpu_options();
  options.precision = "bf16"; // another type than on disk: a copy in memory
  auto model = make_wan_renderer(options);
  auto& memory = memory_of(at::kCPU);
  auto run = [&] {
    memory.restart_peak();
    auto batch = model->begin({some_job(0)});
    denoise(*batch);
    auto video = finish(*batch, 0).video;
    return std::pair{video, memory.peak_bytes()};
  };
  const auto usual = memory.used_bytes();
  const auto [video, peak] = run();
  CHECK(model->can_be_leaner());
  model->keep_lean(true);
  CHECK(memory.used_bytes() < usual);
  const auto [lean_video, lean_peak] = run();
  CHECK(lean_video == video);
  CHECK(lean_peak < peak);
  model->keep_lean(false);
  CHECK(memory.used_bytes() == usual);
  CHECK(run().first == video);
}

TEST_CASE("where memory is short a video is decoded in tiles") {
  auto model = make_wan_renderer(cpu_options());
  auto& memory = memory_of(at::kCPU);
  auto large = some_job(0);
  large.params.width = large.params.height = 512; // 64 cells a side, of which a tile's margin takes 13
  large.params.steps = 1;
  large.params.frames = 5;
  auto peaks = [&] {
    auto batch = model->begin({large});
    denoise(*batch);
    CHECK(finish(*batch, 0).video.size() > 1000);
    auto costs = batch->costs();
    return std::pair{costs[1].measured_bytes, costs[2].measured_bytes};
  };
  auto [denoising, whole] = peaks();
  REQUIRE(denoising < whole / 2);
  memory.limit(whole * 3 / 4);
  auto tiled = peaks().second;
  memory.limit(0);
  CHECK(tiled <= whole * 3 / 4);
}

TEST_CASE("every stage reports what it took beside what was foretold, and forecasts learn from it") {
  auto model = make_wan_renderer(cpu_options());
  auto run = [&, word = 0]() mutable {
    auto jobs = std::vector{some_job(0), some_job(2)};
    for (auto& job : jobs) job.prompt_tokens[0] = ++word; // texts that nobody has encoded
    auto batch = model->begin(std::move(jobs));
    denoise(*batch);
    finish(*batch, 0);
    finish(*batch, 1);
    return batch->costs();
  };
  run();
  auto costs = run();
  REQUIRE(costs.size() == 3);
  for (auto& c : costs) {
    INFO("stage " << static_cast<int>(c.stage));
    auto measured = static_cast<double>(c.measured_bytes);
    CHECK(measured > 0);
    CHECK(c.measured_s > 0);
    CHECK(c.predicted_s > 0);
    CHECK(std::abs(static_cast<double>(c.predicted_bytes) - measured) < 0.1 * measured);
  }
  CHECK(costs[0].stage == run_phase::encoding);
  CHECK(costs[1].stage == run_phase::denoising);
  CHECK(costs[2].stage == run_phase::decoding);
  auto wider = some_job(0).params;
  wider.width = 128;
  CHECK(model->predict(wider, 2)[1].predicted_bytes > model->predict(some_job(0).params, 2)[1].predicted_bytes);
}

TEST_CASE("an empty inference changes neither videos nor memory nor forecasts") {
  auto model = make_wan_renderer(cpu_options());
  auto video = [&] {
    auto batch = model->begin({some_job(0)});
    denoise(*batch);
    return finish(*batch, 0).video;
  };
  auto expected = video();
  auto before = memory_of(at::kCPU).used_bytes();
  auto forecast = model->predict(some_job(0).params, 1);
  model->keep_warm();
  auto is_same_forecast = model->predict(some_job(0).params, 1) == forecast;
  CHECK(is_same_forecast);
  CHECK(static_cast<double>(memory_of(at::kCPU).used_bytes()) < 1.01 * static_cast<double>(before));
  CHECK(video() == expected);
  CHECK(model->can_resume());
}

TEST_CASE(
    "handed over between two experts a run brings none where each worker keeps its own, and the files are the same") {
  auto take_turns = cpu_options();
  take_turns.experts = "one";
  auto whole = make_wan_renderer(cpu_options()), high = make_wan_renderer(take_turns),
       low = make_wan_renderer(take_turns);
  const std::vector<run_job> jobs{some_job(0), some_job(1)};
  auto expected = whole->begin(jobs);
  denoise(*expected);
  CHECK(expected->experts() == expert_use{}); // both are there

  auto first = low->begin(jobs);
  denoise(*first);
  auto use = first->experts();
  CHECK(use.resident == expert::low_noise);
  CHECK(use.loads == 2);
  CHECK(use.load_ms > 0);
  REQUIRE(use.high_steps > 0);
  REQUIRE(use.high_steps < 4);
  first.reset();

  for (std::uint32_t round = 0; round < 2; ++round) { // in the first one the experts are brought
    auto one = high->begin(jobs);
    one->prepare();
    while (one->steps_done() < use.high_steps) one->step();
    CHECK(one->experts().resident == expert::high_noise);
    CHECK(one->experts().loads == (round == 0 ? 1 : 0));
    auto saved = one->save();
    one.reset();
    auto two = low->resume(jobs, saved);
    denoise(*two);
    CHECK(two->experts().resident == expert::low_noise);
    CHECK(two->experts().loads == 0);
    for (std::size_t i = 0; i < 2; ++i) {
      auto found = finish(*two, i), other = finish(*expected, i);
      CHECK(found.video == other.video);
      CHECK(found.thumbnail == other.thumbnail);
    }
    high->keep_warm(); // by the expert that is there
    low->keep_warm();
  }
}
