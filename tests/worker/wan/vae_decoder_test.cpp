// vae_decoder_test.cpp: Latents become the reference's pixels (golden file vae_io), streamed one latent frame
// at a time, layer by layer; and a prefix of a latent gives the prefix of its video, bit for bit.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/vae_tiles.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

/// [channels, T, h, w] -> [3, frames, H, W], not clamped.
at::Tensor decode(const at::Tensor& latent) {
  vae_stream stream{golden_model().vae};
  std::vector<at::Tensor> frames;
  for (auto& one : latent.unbind(1)) frames.push_back(stream.next(one));
  return at::cat(frames).transpose(0, 1);
}

} // namespace

TEST_CASE("latents of one, two and five frames decode to the reference's pixels") {
  compute_scope scope;
  golden g{"vae_io"};
  for (std::string name : {"dec1", "dec2", "dec5"}) {
    INFO(name);
    CHECK(difference(decode(g(name + ".z")), g(name + ".raw")) < tolerance);
  }
}

TEST_CASE("every part of the decoder gives the reference's numbers") {
  compute_scope scope;
  golden g{"vae_io"};
  recorder layers;
  vae_stream{golden_model().vae}.next(g("dec1.z").select(1, 0), layers.see());
  for (auto name : {"conv2", "conv1", "mid0", "mid1_attn", "mid2", "up0", "up2", "up3", "up6", "up7", "up11"}) {
    INFO(name);
    auto expected = g("dec1_mid." + std::string{name});
    CHECK(difference(layers.seen.at(name), expected[0].transpose(0, 1)) < tolerance);
  }
}

TEST_CASE("the latent statistics are the reference's") {
  golden g{"vae_io"};
  auto& c = golden_model().config.vae;
  for (std::int64_t i = 0; i < c.latent_channels; ++i) {
    CHECK(static_cast<float>(c.mean[static_cast<std::size_t>(i)]) == g("scale.mean")[i].item<float>());
    CHECK(static_cast<float>(c.deviation[static_cast<std::size_t>(i)]) == g("scale.std")[i].item<float>());
  }
}

TEST_CASE("a latent's first frames decode alike whatever follows") {
  compute_scope scope;
  auto z = golden{"vae_io"}("dec5.z");
  auto prefix = decode(z.narrow(1, 0, 3));
  CHECK(prefix.size(1) == 9);
  CHECK(at::equal(prefix, decode(z).narrow(1, 0, 9)));
}

TEST_CASE("pixels become bytes by truncation after clamping") {
  auto pixels = at::zeros({1, 3, 1, 2});
  auto* p = pixels.data_ptr<float>();
  float values[] = {-1.5f, 1.5f, -1.0f, 1.0f, 0.0f, 0.9999f};
  std::copy(std::begin(values), std::end(values), p);
  auto rgb = to_rgb(pixels);
  REQUIRE(rgb.sizes() == at::IntArrayRef{1, 1, 2, 3});
  std::vector<int> bytes;
  for (std::int64_t i = 0; i < 6; ++i) bytes.push_back(rgb.flatten()[i].item<int>());
  CHECK(bytes == std::vector<int>{0, 0, 127, 255, 255, 254});
}

TEST_CASE("tiles give the pixels of the whole, wherever their edges are") {
  compute_scope scope;
  at::manual_seed(11);
  auto& m = golden_model();
  auto latent = at::randn({m.config.vae.latent_channels, 3, 34, 30});
  vae_stream stream{m.vae};
  std::vector<at::Tensor> frames;
  for (auto& one : latent.unbind(1)) frames.push_back(to_rgb(stream.next(one)));
  auto whole = at::cat(frames).to(at::kInt);
  int ticks = 0;
  auto tiled = decode_in_tiles(m.vae, latent, 3, 2, [&ticks] { ++ticks; }).to(at::kInt);
  REQUIRE(tiled.sizes() == whole.sizes());
  CHECK(tiled.sub(whole).abs().max().item<int>() <= 1); // a last bit before truncation
  CHECK(tiled.ne(whole).sum().item<std::int64_t>() * 1000 < whole.numel());
  CHECK(ticks == 3 + 6 * 3);
}

TEST_CASE("a side is split into parts of as equal a size as can be") {
  const std::vector<tile_range> expected{{0, 3}, {3, 6}, {6, 10}};
  CHECK((split_side(10, 3) == expected));
  CHECK(split_side(2, 5).size() == 2);
}
