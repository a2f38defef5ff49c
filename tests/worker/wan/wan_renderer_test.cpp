// wan_renderer_test.cpp: The model behind the worker's interface: jobs become files, the same job becomes the
// same file alone and in a batch, and trouble has the code that the worker acts on. The golden model has
// random weights: what it draws is noise, and as good as any picture for this.
#include "tests/worker/wan/golden.hpp" // first: see there

#include <catch2/matchers/catch_matchers_string.hpp>

#include "actors/worker/wan/guarded.hpp"
#include "actors/worker/wan/process_memory.hpp"
#include "actors/worker/wan/wan_renderer.hpp"

using namespace reel;
using namespace reel::wan;
using Catch::Matchers::ContainsSubstring;

namespace {

renderer_options options(int threads = 1) {
  return {.model = {"golden"},
          .kind = "wan",
          .checkpoint = testing::model_folder().string(),
          .device = "cpu",
          .threads = threads};
}

/// Different in everything that may differ inside a batch.
run_job job(int i) {
  run_job j;
  j.id.bytes[15] = static_cast<std::uint8_t>(i);
  j.params = {.model = {"golden"},
              .width = 48,
              .height = 64,
              .frames = 9,
              .fps = 16,
              .steps = 4,
              .sampler = sampler_kind::unipc,
              .guidance_high = 2.0f + static_cast<float>(i),
              .guidance_low = i == 1 ? 1.0f : 3.0f,
              .flow_shift = 12,
              .seed = static_cast<std::uint64_t>(100 + i)};
  for (int k = 0; k < 3 + 9 * i; ++k) j.prompt_tokens.push_back(20 + k);
  j.negative_tokens = {7, 8, 1};
  return j;
}

void denoise(render_batch& batch) {
  batch.prepare();
  while (batch.steps_done() < batch.steps_total()) batch.step();
}

rendered finish(render_batch& batch, std::size_t sample) {
  return batch.finish(sample, [] {});
}

errc code_of(const std::function<void()>& work) {
  try {
    work();
    return errc::ok;
  } catch (const render_error& e) {
    return e.code();
  }
}

} // namespace

TEST_CASE("a job gives the same video and thumbnail alone and in a batch of three") {
  for (int threads : {2, 1}) { // the last one stays for the other tests
    auto model = make_wan_renderer(options(threads));
    auto three = model->begin({job(0), job(1), job(2)});
    denoise(*three);
    for (int i = 0; i < 3; ++i) {
      auto alone = model->begin({job(i)});
      denoise(*alone);
      auto expected = finish(*alone, 0), found = finish(*three, static_cast<std::size_t>(i));
      CHECK(expected.video.size() > 1000);
      CHECK(expected.thumbnail.size() > 100);
      CHECK(found.video == expected.video);
      CHECK(found.thumbnail == expected.thumbnail);
    }
  }
}

TEST_CASE("a job that leaves does not change the others, and another seed gives another video") {
  auto model = make_wan_renderer(options());
  auto pair = model->begin({job(0), job(2)});
  pair->prepare();
  pair->step();
  pair->drop(0);
  while (pair->steps_done() < pair->steps_total()) pair->step();
  auto alone = model->begin({job(2)});
  denoise(*alone);
  auto video = finish(*alone, 0).video;
  CHECK(finish(*pair, 1).video == video);

  auto other = job(2);
  other.params.seed = 999;
  auto changed = model->begin({other});
  denoise(*changed);
  CHECK_FALSE(finish(*changed, 0).thumbnail == finish(*pair, 1).thumbnail);
}

TEST_CASE("decoding reports life once per latent frame, and steps are counted") {
  auto model = make_wan_renderer(options());
  auto batch = model->begin({job(0)});
  CHECK(batch->steps_total() == 4);
  denoise(*batch);
  CHECK(batch->steps_done() == 4);
  int ticks = 0;
  batch->finish(0, [&ticks] { ++ticks; });
  CHECK(ticks == 3);
  CHECK_THROWS_AS(batch->step(), std::logic_error);
}

TEST_CASE("a sample that is dropped or not done has no video") {
  auto model = make_wan_renderer(options());
  auto batch = model->begin({job(0), job(1)});
  batch->prepare();
  CHECK_THROWS_AS(finish(*batch, 0), std::logic_error);
  batch->drop(1);
  while (batch->steps_done() < batch->steps_total()) batch->step();
  CHECK_THROWS_AS(finish(*batch, 1), std::logic_error);
  batch->drop(0);
  CHECK_THROWS_AS(finish(*batch, 0), std::logic_error);
}

TEST_CASE("jobs that the model cannot make are refused before any work") {
  auto model = make_wan_renderer(options());
  auto wide = job(0);
  wide.params.width = 50;
  CHECK(code_of([&] { model->begin({wide}); }) == errc::unsupported);
  CHECK(code_of([&] { model->begin({}); }) == errc::invalid_argument);
}

TEST_CASE("a model that cannot be loaded says why") {
  auto missing = options();
  missing.checkpoint = "/nowhere";
  CHECK(code_of([&] { make_wan_renderer(missing); }) == errc::not_found);
  auto elsewhere = options();
  elsewhere.device = "cuda:99";
  CHECK(code_of([&] { make_wan_renderer(elsewhere); }) == errc::unsupported);
}

TEST_CASE("an allocation beyond the machine is out of memory, and the model works on") {
  auto model = make_wan_renderer(options());
  auto too_much = [] { guarded([] { return at::empty({std::int64_t{1} << 46}, at::kFloat); }); };
  CHECK(code_of(too_much) == errc::out_of_memory);
  CHECK(code_of([] { guarded([]() -> int { throw std::bad_alloc{}; }); }) == errc::out_of_memory);
  CHECK(code_of([] { guarded([] { return at::empty({2, 3}).mm(at::empty({2, 3})); }); }) == errc::internal);
  auto batch = model->begin({job(0)});
  denoise(*batch);
  CHECK(finish(*batch, 0).video.size() > 1000);
}

TEST_CASE("the device's memory and its peak use are known on the CPU") {
  auto model = make_wan_renderer(options());
  CHECK(model->device() == "cpu");
  CHECK(model->memory_bytes() > (std::uint64_t{1} << 28));
  take_peak_resident_bytes();
  constexpr std::size_t size = 64 << 20;
  { std::vector<char> block(size, 'x'); }
  auto with_block = model->take_peak_bytes();
  CHECK(with_block > size);
  CHECK(model->take_peak_bytes() + size / 2 < with_block); // the mark was reset
}
