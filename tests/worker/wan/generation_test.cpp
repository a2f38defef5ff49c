// generation_test.cpp: A whole run from token ids and noise to pixels is the reference's (golden files
// e2e_unipc and e2e_dpmpp: the reference's own generate()), and a sample's run does not depend on the batch
// that it is in.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/generation.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

at::Tensor decode(const at::Tensor& latent) {
  vae_stream stream{golden_model().vae};
  std::vector<at::Tensor> frames;
  for (auto& one : latent.unbind(1)) frames.push_back(stream.next(one));
  return at::cat(frames);
}

void compare_run(const std::string& file, sampler_kind kind) {
  compute_scope scope;
  golden g{file};
  auto ids = g("ids"), mask = g("mask");
  sample_request request{ids_of(ids[0], mask[0]), ids_of(ids[1], mask[1]), 4, 3, g("noise")};
  generation run{golden_model(), make_schedule({kind, 6, 12, 1000}), {request}};
  run.prepare();
  for (std::int64_t i = 0; i < 6; ++i) {
    INFO("step " << i);
    recorder parts;
    run.step(parts.see());
    for (auto name : {"noise_pred_cond", "noise_pred_uncond", "noise_pred"})
      CHECK(difference(parts.seen.at(name), g(name)[i]) < tolerance);
    CHECK(difference(run.latent(0), g("latents")[i]) < tolerance);
  }
  CHECK(difference(run.latent(0), g("final_latent")) < tolerance);
  CHECK(difference(decode(run.latent(0)).clamp(-1, 1).transpose(0, 1), g("video")) < tolerance);
}

/// Different in everything that may differ inside a batch.
sample_request request(int i) {
  at::manual_seed(static_cast<std::uint64_t>(i));
  std::vector<std::int32_t> prompt, negative{5, 9, 1};
  for (int k = 0; k < 3 + 7 * i; ++k) prompt.push_back(10 + 3 * i + k);
  return {prompt, negative, 2.5f + static_cast<float>(i), i == 1 ? 1.0f : 3.0f, at::randn({16, 3, 6, 4})};
}

} // namespace

TEST_CASE("the reference's UniPC video comes out of its noise and token ids") {
  compare_run("e2e_unipc", sampler_kind::unipc);
}

TEST_CASE("the reference's DPM++ video comes out of its noise and token ids") {
  compare_run("e2e_dpmpp", sampler_kind::dpmpp);
}

TEST_CASE("the reference's timesteps choose the reference's expert") {
  golden g{"e2e_unipc"};
  auto schedule = make_schedule({sampler_kind::unipc, 6, 12, 1000});
  for (std::int64_t i = 0; i < 6; ++i)
    CHECK(golden_model().is_high(schedule[static_cast<std::size_t>(i)].timestep) ==
          (g("expert_high")[i].item<std::int64_t>() == 1));
}

TEST_CASE("a sample's latents and pixels are bit for bit the same alone and beside others, who may leave") {
  compute_scope scope;
  for (auto kind : {sampler_kind::unipc, sampler_kind::dpmpp, sampler_kind::euler}) {
    auto schedule = make_schedule({kind, 5, 8, 1000});
    generation all{golden_model(), schedule, {request(0), request(1), request(2)}};
    all.prepare();
    for (int i = 0; i < 5; ++i) {
      if (i == 3) all.drop(0);
      all.step();
    }
    CHECK_FALSE(all.is_in(0));
    for (int sample : {1, 2}) {
      generation alone{golden_model(), schedule, {request(sample)}};
      alone.prepare();
      for (int i = 0; i < 5; ++i) alone.step();
      CHECK(at::equal(alone.latent(0), all.latent(static_cast<std::size_t>(sample))));
      CHECK(at::equal(to_rgb(decode(alone.latent(0))), to_rgb(decode(all.latent(static_cast<std::size_t>(sample))))));
    }
  }
}

TEST_CASE("a run has as many steps as its schedule") {
  compute_scope scope;
  generation run{golden_model(), make_schedule({sampler_kind::euler, 2, 8, 1000}), {request(0)}};
  run.prepare();
  run.step();
  CHECK(run.steps_done() == 1);
  run.step();
  CHECK(run.steps_done() == run.steps_total());
  CHECK_THROWS_AS(run.step(), std::logic_error);
}
