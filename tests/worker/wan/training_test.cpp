// training_test.cpp: A model that is trained computes what the product computes, with gradients: its parameters in
// memory, several videos in step, many texts at once, and the VAE's own kernel with its way back.
#include "tests/worker/wan/golden.hpp" // first: see there

#include <catch2/generators/catch_generators.hpp>
#include <torch/csrc/autograd/autograd.h>

#include "actors/worker/wan/norm.hpp"
#include "actors/worker/wan/vae_encoder.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

std::shared_ptr<const parameter_map> parameters_of(model_part part, bool learns) {
  auto all = std::make_shared<parameter_map>();
  static const auto from = open_checkpoint(model_folder());
  for (auto& [name, stored] : *from.of(part)) (*all)[name] = view_of(stored).clone().requires_grad_(learns);
  return all;
}

const auto float32 = at::TensorOptions{}.dtype(at::kFloat);

at::Tensor flat_gradients(const at::Tensor& loss, const parameter_map& parameters) {
  std::vector<at::Tensor> leaves, flat;
  for (auto& p : parameters) leaves.push_back(p.second);
  for (auto& g : torch::autograd::grad({loss}, leaves, {}, false, false, true))
    if (g.defined()) flat.push_back(g.flatten());
  return at::cat(flat);
}

/// One row of the golden transformer.
at::Tensor velocity_of(const dit& expert, const text_encoder& texts, const at::Tensor& latents) {
  std::vector<std::int32_t> first{5, 6, 7, 1}, second{8, 1};
  std::vector<std::span<const std::int32_t>> both{first, second};
  auto seen = expert.prepare_texts(texts.encode_all(both));
  std::vector<dit_row> rows{{900, &seen[0]}, {300, &seen[1]}};
  return expert.forward(latents, rows,
                        rope_table(expert.grid_of(latents), golden_model().config.dit.head_dim(), at::kCPU));
}

} // namespace

TEST_CASE("the transformer and the text encoder that learn give what the product gives, and every number a gradient") {
  auto& c = golden_model().config;
  auto latents = at::randn({2, c.dit.in_dim, 2, 4, 4});
  at::Tensor expected;
  {
    compute_scope scope;
    expected = velocity_of(golden_model().high, golden_model().text, latents);
  }
  auto text = parameters_of(model_part::text_encoder, true), transformer = parameters_of(model_part::high_noise, true);
  auto got =
      velocity_of(dit{c.dit, weights{transformer, float32}}, text_encoder{c.text, weights{text, float32}}, latents);
  CHECK(difference(got, expected) < tolerance);
  std::vector<at::Tensor> leaves;
  for (auto& parameters : {text, transformer})
    for (auto& p : *parameters) leaves.push_back(p.second);
  for (auto& g : torch::autograd::grad({got.square().mean()}, leaves)) CHECK(g.isfinite().all().item<bool>());
}

TEST_CASE("many texts at once are each encoded as alone") {
  compute_scope scope;
  std::vector<std::int32_t> first{5, 6, 7, 9, 1}, second{1}, third{8, 4, 1};
  std::vector<std::span<const std::int32_t>> all{first, second, third};
  auto together = golden_model().text.encode_all(all);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(at::equal(together[i], golden_model().text.encode(all[i])));
}

TEST_CASE("videos in step are encoded and decoded as each alone") {
  auto& c = golden_model().config.vae;
  auto parameters = parameters_of(model_part::vae, true);
  weights w{parameters, float32};
  vae_encoder encoder{c, w};
  vae_decoder decoder{c, w};
  auto videos = at::rand({9, 2, 3, 16, 24}).mul(2).sub(1); // frames, videos
  vae_encoding together{encoder, 2};
  auto first = together.moments(videos[0]), rest = together.moments(videos.narrow(0, 1, 8).flatten(0, 1));
  auto latents = at::cat({first, rest}).narrow(1, 0, c.latent_channels); // [3 x 2, channels, h, w]
  auto mean = at::tensor(c.mean).to(at::kFloat).view({-1, 1, 1}),
       deviation = at::tensor(c.deviation).to(at::kFloat).view({-1, 1, 1});
  vae_stream stream{decoder, 2};
  auto normal = latents.sub(mean).div(deviation);
  auto frames = at::cat({stream.next_of(normal.narrow(0, 0, 2)), stream.next_of(normal.narrow(0, 2, 4))});
  CHECK(flat_gradients(frames.square().mean(), *parameters).isfinite().all().item<bool>());

  compute_scope scope;
  for (std::int64_t v = 0; v < 2; ++v) {
    auto alone = encode_video(encoder, videos.select(1, v).transpose(0, 1), c.time_stride()); // [channels, 3, h, w]
    CHECK(difference(normal.view({3, 2, c.latent_channels, 2, 3}).select(1, v).transpose(0, 1), alone) < tolerance);
    vae_stream one{decoder};
    std::vector<at::Tensor> decoded;
    for (auto& latent : alone.unbind(1)) decoded.push_back(one.next(latent));
    CHECK(difference(frames.view({9, 2, 3, 16, 24}).select(1, v), at::cat(decoded)) < tolerance);
  }
}

TEST_CASE("norm and SiLU in one pass are what LibTorch computes, with its gradients") {
  auto channels = GENERATE(1, 6, 8, 12, 96, 1024);
  INFO(channels);
  auto x = at::randn({2, channels, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(true);
  auto gamma = at::randn({channels, 1, 1}).requires_grad_(true);
  auto plain = at::silu(x.div(x.square().sum({1}, true).sqrt()).mul(gamma)), ours = norm_silu(x, gamma);
  CHECK(difference(ours, plain) < 1e-5);
  auto weight = at::randn_like(x);
  auto expected = torch::autograd::grad({plain.mul(weight).sum()}, {x, gamma});
  auto got = torch::autograd::grad({ours.mul(weight).sum()}, {x, gamma});
  CHECK(difference(got[0], expected[0]) < 1e-4);
  CHECK(difference(got[1], expected[1]) < 1e-4 * (1 + std::sqrt(channels)));

  compute_scope scope;
  auto exact = norm_silu(x.detach(), gamma.detach());
  auto coarse = norm_silu(x.detach().to(at::kBFloat16), gamma.detach());
  CHECK(coarse.scalar_type() == at::kBFloat16);
  CHECK(difference(coarse.to(at::kFloat), exact) < 0.05);
  CHECK(at::equal(norm_silu(x.detach().narrow(0, 1, 1), gamma.detach()),
                  exact.narrow(0, 1, 1))); // its place is no matter
}

TEST_CASE("the norm over tokens is what LibTorch computes, with its gradients") {
  auto width = GENERATE(1, 48, 192, 5120);
  INFO(width);
  constexpr double eps = 1e-6;
  auto x = at::randn({3, 5, width}).requires_grad_(true), weight = at::randn({width}).requires_grad_(true);
  auto plain = x.mul(x.square().mean({-1}, true).add(eps).rsqrt()).mul(weight);
  auto ours = rms_norm_cpu(x, weight, eps);
  CHECK(difference(ours, plain) < 1e-5);
  auto by = at::randn_like(x);
  auto expected = torch::autograd::grad({plain.mul(by).sum()}, {x, weight});
  auto got = torch::autograd::grad({ours.mul(by).sum()}, {x, weight});
  CHECK(difference(got[0], expected[0]) < 1e-4);
  CHECK(difference(got[1], expected[1]) < 1e-4);

  compute_scope scope;
  auto exact = rms_norm_cpu(x.detach(), weight.detach(), eps);
  CHECK(difference(rms_norm_cpu(x.detach().to(at::kBFloat16), weight.detach(), eps).to(at::kFloat), exact) < 0.1);
  CHECK(at::equal(rms_norm_cpu(x.detach()[1], weight.detach(), eps), exact[1])); // its place is no matter
}

TEST_CASE("a pixel of zeros stays zero") {
  auto x = at::zeros({1, 8, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(true);
  auto y = norm_silu(x, at::ones({8, 1, 1}));
  CHECK(y.abs().max().item<float>() == 0);
  CHECK(torch::autograd::grad({y.sum()}, {x})[0].isfinite().all().item<bool>());
}
