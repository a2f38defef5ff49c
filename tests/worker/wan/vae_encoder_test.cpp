// vae_encoder_test.cpp: Pixels become the reference's latents (golden file vae_io), streamed a latent frame at a time;
// and a prefix of a video gives the prefix of its latent, bit for bit.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/vae_encoder.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

const vae_encoder& encoder() {
  compute_scope scope;
  static const auto from = open_checkpoint(model_folder());
  static const vae_encoder e{from.config.vae, weights{from.of(model_part::vae), at::TensorOptions{}.dtype(at::kFloat)}};
  return e;
}

} // namespace

TEST_CASE("videos of one, five and nine frames encode to the reference's latents") {
  compute_scope scope;
  golden g{"vae_io"};
  for (std::string name : {"enc1", "enc5", "enc9"}) {
    INFO(name);
    CHECK(difference(encode_video(encoder(), g(name + ".video"), 4), g(name + ".mu")) < tolerance);
  }
}

TEST_CASE("a video's first frames encode alike whatever follows, and a rest below a chunk is left out") {
  compute_scope scope;
  auto video = golden{"vae_io"}("enc9.video");
  auto whole = encode_video(encoder(), video, 4);
  CHECK(at::equal(encode_video(encoder(), video.narrow(1, 0, 5), 4), whole.narrow(1, 0, 2)));
  CHECK(at::equal(encode_video(encoder(), video.narrow(1, 0, 8), 4), whole.narrow(1, 0, 2)));
}

TEST_CASE("chunks and sides that do not fit are refused") {
  compute_scope scope;
  vae_encoding stream{encoder()};
  CHECK_THROWS_AS(stream.next(at::zeros({4, 3, 16, 16})), std::invalid_argument);
  CHECK_THROWS_AS(stream.next(at::zeros({1, 3, 16, 12})), std::invalid_argument);
  stream.next(at::zeros({1, 3, 16, 16}));
  CHECK_THROWS_AS(stream.next(at::zeros({1, 3, 16, 16})), std::invalid_argument);
}

TEST_CASE("what is decoded encodes back to a latent of the same shape") {
  compute_scope scope;
  golden g{"vae_io"};
  auto latent = encode_video(encoder(), g("dec5.raw").clamp(-1, 1), 4);
  CHECK(latent.sizes() == g("dec5.z").sizes());
  CHECK(latent.isfinite().all().item<bool>());
}
