// text_encoder_test.cpp: The text encoder gives the reference's numbers. Method: golden tensors of the
// reference (t5_io), whole outputs, outputs per layer, and the position buckets alone.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/weights.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

TEST_CASE("a prompt's real tokens encode as in the reference, which pads them") {
  compute_scope scope;
  golden g{"t5_io"};
  auto ids = g("p.ids"), mask = g("p.mask");
  for (int i = 0; i < 4; ++i) {
    auto ours = golden_model().text.encode(ids_of(ids[i], mask[i]));
    CHECK(difference(ours, g("p.trimmed_" + std::to_string(i))) < tolerance);
    CHECK(difference(ours, g("p.context")[i].narrow(0, 0, ours.size(0))) < tolerance);
    CHECK(ours.size(0) == g("p.seq_lens")[i].item<std::int64_t>());
  }
}

TEST_CASE("texts beyond the largest exact distance encode as in the reference") {
  compute_scope scope;
  golden g{"t5_io"};
  for (int i = 0; i < 2; ++i) {
    auto ours = golden_model().text.encode(ids_of(g("long.ids")[i], g("long.mask")[i]));
    CHECK(difference(ours, g("long.context")[i].narrow(0, 0, ours.size(0))) < tolerance);
  }
}

TEST_CASE("every layer of the text encoder gives the reference's numbers") {
  compute_scope scope;
  golden g{"t5_io"};
  recorder layers;
  auto ids = ids_of(g("p.ids")[0], g("p.mask")[0]);
  golden_model().text.encode(ids, layers.see());
  for (auto name : {"layer_in", "layer0_out", "layer1_out"}) {
    INFO(name);
    auto expected = g(std::string{"p."} + name)[0].narrow(0, 0, static_cast<std::int64_t>(ids.size()));
    CHECK(difference(layers.seen.at(name), expected) < tolerance);
  }
}

TEST_CASE("distances fall into the reference's buckets") {
  golden g{"t5_io"};
  auto row = g("relpos.bucket_row0"), column = g("relpos.bucket_col0");
  auto& c = golden_model().config.text;
  for (std::int64_t i = 0; i < row.size(0); ++i) {
    CHECK(relative_bucket(i, c.buckets, c.distance_max) == row[i].item<std::int64_t>());
    CHECK(relative_bucket(-i, c.buckets, c.distance_max) == column[i].item<std::int64_t>());
  }
}

TEST_CASE("the first layer's position biases are the reference's") {
  compute_scope scope;
  golden g{"t5_io"};
  auto& c = golden_model().config.text;
  auto file = read_safetensors(model_folder() / "text_encoder.safetensors");
  auto table = view_of(file.at("blocks.0.pos_embedding.embedding.weight"));
  auto expected = g("relpos.bias0_16")[0];
  for (std::int64_t query = 0; query < 16; ++query)
    for (std::int64_t key = 0; key < 16; ++key) {
      auto bucket = relative_bucket(key - query, c.buckets, c.distance_max);
      REQUIRE(difference(table[bucket], expected.select(1, query).select(1, key)) == 0);
    }
}
