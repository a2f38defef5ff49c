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

TEST_CASE("samples join and leave between steps, each at its own, and none is the other for it") {
  compute_scope scope;
  auto& m = golden_model();
  auto long_run = make_schedule({sampler_kind::unipc, 6, 12, 1000});
  auto short_run = make_schedule({sampler_kind::euler, 3, 5, 1000});
  generation mixed{m, long_run, {request(0), request(1)}};
  mixed.prepare();
  mixed.step();
  mixed.step();
  auto late = mixed.join(request(2), short_run); // other steps, and the other expert than its neighbours for a while
  mixed.prepare();
  mixed.step();
  mixed.drop(0);
  while (mixed.steps_done() < mixed.steps_total()) mixed.step();
  CHECK(mixed.steps_done() == 6);
  CHECK(mixed.is_done(late));
  auto alone = [&](int number, const std::vector<schedule_step>& schedule) {
    generation g{m, schedule, {request(number)}};
    g.prepare();
    while (g.steps_done() < g.steps_total()) g.step();
    return g.latent(0).clone();
  };
  CHECK(at::equal(mixed.latent(1), alone(1, long_run)));
  CHECK(at::equal(mixed.latent(late), alone(2, short_run)));
}

TEST_CASE("a step in several passes gives what it gives in one") {
  compute_scope scope;
  auto schedule = make_schedule({sampler_kind::unipc, 3, 12, 1000});
  generation one{golden_model(), schedule, {request(0), request(2)}},
      many{golden_model(), schedule, {request(0), request(2)}};
  many.limit_rows(1);
  one.prepare();
  many.prepare();
  for (int i = 0; i < 3; ++i) one.step(), many.step();
  for (std::size_t i : {0, 1}) CHECK(at::equal(one.latent(i), many.latent(i)));
}

TEST_CASE("a text is encoded once for all who share it, and once for all batches while there is room") {
  compute_scope scope;
  text_cache texts{golden_model()};
  auto schedule = make_schedule({sampler_kind::euler, 2, 5, 1000});
  for (int batch = 0; batch < 3; ++batch) {
    generation run{golden_model(), schedule, {request(0), request(0), request(2)}, &texts};
    run.prepare();
    while (run.steps_done() < run.steps_total()) run.step();
  }
  CHECK(texts.encodings() == 3);
  CHECK(texts.reused() == 2 * 2);
  texts.clear();
  texts.get({5, 9, 1}, true);
  CHECK(texts.encodings() == 4);
  CHECK(texts.reused() == 2 * 2);
}

TEST_CASE("of many texts the latest encodings are kept, and they are the same bits") {
  compute_scope scope;
  text_cache texts{golden_model()};
  auto& expert = golden_model().high;
  auto keys_of = [&](int number) { return texts.get({number, 1}, false)->seen_by(expert).layers.at(0).packed.clone(); };
  auto first = keys_of(0);
  CHECK(at::equal(keys_of(0), first));
  CHECK(texts.reused() == 1);
  for (int number = 1; number <= 256; ++number) texts.get({number, 1}, false);
  CHECK(texts.encodings() == 257);
  CHECK(at::equal(keys_of(0), first)); // pushed out by the others
  CHECK(texts.encodings() == 258);
  texts.get({256, 1}, false);
  CHECK(texts.encodings() == 258);
}
