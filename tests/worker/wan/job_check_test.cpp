// job_check_test.cpp: What the model cannot make is refused with the value and what is allowed.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <functional>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/job_check.hpp"

using namespace reel;
using namespace reel::wan;
using Catch::Matchers::ContainsSubstring;

namespace {

const model_config& config() {
  static const auto c = read_model_config(std::filesystem::path{REEL_SOURCE_DIR} / "models/wan-golden/config.json");
  return c;
}

run_job good() {
  run_job job;
  job.params = {.model = {"golden"},
                .width = 64,
                .height = 48,
                .frames = 17,
                .fps = 16,
                .steps = 6,
                .sampler = sampler_kind::unipc,
                .guidance_high = 4,
                .guidance_low = 3,
                .flow_shift = 12,
                .seed = 1};
  job.prompt_tokens = {10, 11, 1};
  job.negative_tokens = {1};
  return job;
}

std::string refusal(const std::function<void(run_job&)>& change, errc code = errc::unsupported) {
  auto job = good();
  change(job);
  try {
    check_jobs(config(), {&job, 1});
    return {};
  } catch (const render_error& e) {
    CHECK(e.code() == code);
    return e.what();
  }
}

} // namespace

TEST_CASE("a good job passes, up to the last position of the table") {
  CHECK(refusal([](run_job&) {}).empty());
  CHECK(refusal([](run_job& j) { j.params.width = 16 * 1024; }).empty());
  CHECK(refusal([](run_job& j) { j.params.frames = 4 * 1023 + 1; }).empty());
  CHECK(refusal([](run_job& j) { j.params.frames = 1; }).empty());
  CHECK(latent_shape_of(config(), good().params) == latent_shape{16, 5, 6, 8});
}

TEST_CASE("sizes that the model cannot make are refused") {
  for (int bad : {0, -16, 8, 40, 65, 16 * 1025}) {
    auto value = std::to_string(bad);
    CHECK_THAT(refusal([bad](run_job& j) { j.params.width = bad; }),
               ContainsSubstring("width " + value) && ContainsSubstring("multiples of 16 up to 16384"));
    CHECK_THAT(refusal([bad](run_job& j) { j.params.height = bad; }), ContainsSubstring("height " + value));
  }
  for (int bad : {0, -3, 2, 16, 4 * 1024 + 1})
    CHECK_THAT(refusal([bad](run_job& j) { j.params.frames = bad; }),
               ContainsSubstring("frames " + std::to_string(bad)) && ContainsSubstring("4n+1 up to 4093"));
}

TEST_CASE("parameters outside the samplers' range are refused") {
  for (int bad : {0, -1, 1001})
    CHECK_THAT(refusal([bad](run_job& j) { j.params.steps = bad; }), ContainsSubstring("steps " + std::to_string(bad)));
  for (float bad : {0.0f, -1.0f, 101.0f, NAN, INFINITY})
    CHECK_THAT(refusal([bad](run_job& j) { j.params.flow_shift = bad; }), ContainsSubstring("flow_shift"));
  for (float bad : {-1.0f, 101.0f, NAN}) {
    CHECK_THAT(refusal([bad](run_job& j) { j.params.guidance_high = bad; }), ContainsSubstring("guidance_high"));
    CHECK_THAT(refusal([bad](run_job& j) { j.params.guidance_low = bad; }), ContainsSubstring("guidance_low"));
  }
  CHECK_THAT(refusal([](run_job& j) { j.params.fps = 0; }), ContainsSubstring("fps"));
}

TEST_CASE("texts that the model cannot read are refused") {
  CHECK_THAT(refusal([](run_job& j) { j.prompt_tokens.clear(); }, errc::invalid_argument), ContainsSubstring("prompt"));
  CHECK_THAT(refusal([](run_job& j) { j.prompt_tokens.assign(33, 5); }),
             ContainsSubstring("prompt of 33 tokens: 1 to 32"));
  CHECK_THAT(refusal([](run_job& j) { j.prompt_tokens = {448}; }, errc::invalid_argument),
             ContainsSubstring("token 448, ids below 448"));
  CHECK_THAT(refusal([](run_job& j) { j.negative_tokens = {-1}; }, errc::invalid_argument),
             ContainsSubstring("negative prompt: token -1"));
  CHECK_THAT(refusal([](run_job& j) { j.negative_tokens.clear(); }, errc::invalid_argument),
             ContainsSubstring("negative prompt"));
  CHECK(refusal([](run_job& j) {
          j.negative_tokens.clear();
          j.params.guidance_high = j.params.guidance_low = 1; // nobody looks at it then
        }).empty());
}

TEST_CASE("a batch is one kind of job, and not empty") {
  std::vector<run_job> jobs{good(), good()};
  jobs[1].params.seed = 2;
  jobs[1].params.guidance_high = 1;
  CHECK_NOTHROW(check_jobs(config(), jobs));
  jobs[1].params.width = 80;
  CHECK_THROWS_AS(check_jobs(config(), jobs), render_error);
  CHECK_THROWS_AS(check_jobs(config(), {}), render_error);
}
