// residency_test.cpp: Where weights are, and in what type the large products are, changes what a model needs, not what
// it makes: the same velocities whether experts stay, take turns or pass by block; near ones in bf16.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/generation.hpp"
#include "actors/worker/wan/tensor_memory.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

at::Tensor final_latent(const model& m) {
  golden g{"e2e_unipc"};
  auto ids = g("ids"), mask = g("mask");
  sample_request request{ids_of(ids[0], mask[0]), ids_of(ids[1], mask[1]), 4, 3, g("noise")};
  generation run{m, make_schedule({sampler_kind::unipc, 6, 12, 1000}), {request}};
  run.prepare();
  while (run.steps_done() < run.steps_total()) run.step();
  return run.latent(0).clone();
}

model load(const load_options& how) { return model{model_folder(), at::kCPU, how}; }

} // namespace

TEST_CASE("experts that take turns or pass by block make the same latents, bit for bit") {
  compute_scope scope;
  auto expected = final_latent(golden_model());
  for (auto experts : {residency::one, residency::streamed}) {
    auto m = load({.experts = experts, .drop_text_encoder = true});
    CHECK(m.high.fingerprint() == golden_model().high.fingerprint()); // and for that nothing is brought
    CHECK_FALSE(m.high.is_loaded());
    CHECK_FALSE(m.text.is_loaded());
    CHECK(at::equal(final_latent(m), expected));
    CHECK_FALSE(m.text.is_loaded());
    CHECK(m.high.loads() == 1); // timesteps fall: the experts change once
    CHECK(m.low.loads() == 1);
    CHECK_FALSE(m.high.is_loaded());
    CHECK(at::equal(final_latent(m), expected));
    CHECK(m.high.loads() == 2);
    CHECK(m.high.load_time().count() > 0);
  }
}

TEST_CASE("one expert at a time takes less memory than both, and streamed blocks less than one") {
  compute_scope scope;
  auto& memory = memory_of(at::kCPU);
  auto peak = [&](residency experts) {
    auto before = memory.used_bytes();
    memory.restart_peak();
    auto m = load({.products = at::kBFloat16, .experts = experts}); // another type: a copy in memory
    final_latent(m);
    return memory.peak_bytes() - before;
  };
  auto both = peak(residency::both), one = peak(residency::one), streamed = peak(residency::streamed);
  CHECK(one < both);
  CHECK(streamed <= one); // the golden model has two blocks: as many as stream at once
}

TEST_CASE("bf16 products stay near the reference's velocities, and all else is float32") {
  compute_scope scope;
  auto m = load({.products = at::kBFloat16});
  golden g{"dit_io"};
  auto text = m.high.prepare_text(g("single0.context"));
  dit_row row{g("single0.t").item<float>(), &text};
  auto latent = g("single0.latent").unsqueeze(0);
  auto rope = rope_table(m.high.grid_of(latent), m.config.dit.head_dim(), at::kCPU);
  auto out = m.high.forward(latent, {&row, 1}, rope)[0];
  auto expected = g("single0.out_high");
  CHECK(out.scalar_type() == at::kFloat);
  CHECK(difference(out, expected) < 0.05 * expected.abs().max().item<double>());
  CHECK(difference(final_latent(m), final_latent(golden_model())) < 0.5);
}
