// dit_test.cpp: Both experts give the reference's velocities (golden file dit_io), layer by layer, alone and
// in a batch; and a row of a batch is bit for bit the row alone, whatever stands beside it.
#include "tests/worker/wan/golden.hpp" // first: see there

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

struct row {
  at::Tensor latent, context;
  double timestep;
};

/// One pass of all rows, which must have one latent shape.
at::Tensor run(const dit& expert, const std::vector<row>& rows, const probe& see = {}) {
  std::vector<dit_text> texts;
  std::vector<at::Tensor> latents;
  for (auto& r : rows) {
    texts.push_back(expert.prepare_text(r.context, see));
    latents.push_back(r.latent);
  }
  std::vector<dit_row> all;
  for (std::size_t i = 0; i < rows.size(); ++i) all.push_back({rows[i].timestep, &texts[i]});
  auto rope = rope_table(expert.grid_of(latents[0]), golden_model().config.dit.head_dim(), at::kCPU);
  return expert.forward(at::stack(latents), all, rope, see);
}

row single(const golden& g, int i) {
  auto name = "single" + std::to_string(i) + '.';
  return {g(name + "latent"), g(name + "context"), g(name + "t").item<float>()};
}

} // namespace

TEST_CASE("both experts give the reference's velocities for single latents") {
  compute_scope scope;
  golden g{"dit_io"};
  for (int i = 0; i < 3; ++i) {
    auto name = "single" + std::to_string(i) + '.';
    CHECK(difference(run(golden_model().high, {single(g, i)})[0], g(name + "out_high")) < tolerance);
    CHECK(difference(run(golden_model().low, {single(g, i)})[0], g(name + "out_low")) < tolerance);
  }
}

TEST_CASE("a batch with texts of different lengths and different timesteps gives the reference's velocities") {
  compute_scope scope;
  golden g{"dit_io"};
  auto out = run(golden_model().high, {{g("batch.latent0"), g("batch.context0"), g("batch.t")[0].item<float>()},
                                       {g("batch.latent1"), g("batch.context1"), g("batch.t")[1].item<float>()}});
  CHECK(difference(out[0], g("batch.out0")) < tolerance);
  CHECK(difference(out[1], g("batch.out1")) < tolerance);
}

TEST_CASE("latents of different shapes give the reference's velocities, each in a pass of its own shape") {
  compute_scope scope;
  golden g{"dit_io"};
  for (auto i : {"0", "1"}) {
    row r{g("mixed.latent" + std::string{i}), g("mixed.context" + std::string{i}),
          g("mixed.t")[i[0] - '0'].item<float>()};
    CHECK(difference(run(golden_model().low, {r})[0], g("mixed.out" + std::string{i})) < tolerance);
  }
}

TEST_CASE("every layer of the high-noise expert gives the reference's numbers") {
  compute_scope scope;
  golden g{"dit_io"};
  recorder layers;
  run(golden_model().high, {single(g, 0)}, layers.see());
  auto expected = [&](const std::string& name) { return g("single0_high_mid." + name); };
  for (auto name : {"block0_norm1", "block0_q", "block0_norm_q", "block0_self_attn", "block0_norm3",
                    "block0_cross_attn", "block0_ffn", "block0", "block1", "head"}) {
    INFO(name);
    CHECK(difference(layers.seen.at(name), expected(name)) < tolerance);
  }
  auto patches = expected("patch_embedding").flatten(2).transpose(1, 2); // ours are tokens in a row already
  CHECK(difference(layers.seen.at("patch_embedding"), patches) < tolerance);
  CHECK(difference(layers.seen.at("text_embedding"), expected("text_embedding")[0]) < tolerance);
  CHECK(difference(layers.seen.at("time_embedding"), expected("time_embedding")[0]) < tolerance);
  CHECK(difference(layers.seen.at("time_projection").flatten(), expected("time_projection").flatten()) < tolerance);
}

TEST_CASE("a row of a batch is bit for bit the row alone") {
  compute_scope scope;
  at::manual_seed(7);
  auto& m = golden_model();
  for (auto threads : {1, 2}) {
    with_threads t{threads};
    std::vector<row> rows;
    for (int i = 0; i < 5; ++i)
      rows.push_back({at::randn({16, 5, 10, 6}), at::randn({1 + 6 * i, 48}), 900.0 + 17 * (i % 3)});
    auto together = run(m.high, rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
      CHECK(at::equal(together[static_cast<std::int64_t>(i)], run(m.high, {rows[i]})[0]));
  }
}
