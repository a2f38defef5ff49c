// embeddings_test.cpp: Position and timestep embeddings give the reference's numbers (golden file
// embeddings).
#include "tests/worker/wan/golden.hpp" // first: see there

#include <cmath>

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

TEST_CASE("each position turns each pair by the reference's angle") {
  golden g{"embeddings"};
  auto cos = g("rope.cos_f64"), sin = g("rope.sin_f64");
  auto frequencies = rope_frequencies(2 * cos.size(1));
  REQUIRE(static_cast<std::int64_t>(frequencies.size()) == cos.size(1));
  for (std::int64_t position = 0; position < cos.size(0); ++position)
    for (std::int64_t pair = 0; pair < cos.size(1); ++pair) {
      auto angle = static_cast<double>(position) * frequencies[static_cast<std::size_t>(pair)];
      REQUIRE(std::abs(std::cos(angle) - cos[position][pair].item<double>()) < 1e-12);
      REQUIRE(std::abs(std::sin(angle) - sin[position][pair].item<double>()) < 1e-12);
    }
}

TEST_CASE("pairs are split between time, height and width, uneven rests going to time") {
  CHECK(rope_split(128) == std::array<std::int64_t, 3>{22, 21, 21});
  CHECK(rope_split(16) == std::array<std::int64_t, 3>{4, 2, 2});
  CHECK(rope_split(20) == std::array<std::int64_t, 3>{4, 3, 3});
  CHECK(rope_split(4) == std::array<std::int64_t, 3>{2, 0, 0});
}

TEST_CASE("queries and keys are rotated as in the reference") {
  compute_scope scope;
  golden g{"embeddings"};
  auto x = g("rope_apply.x"), grids = g("rope_apply.grid_sizes"), expected = g("rope_apply.y");
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    auto n = [&](int axis) { return grids[i][axis].item<std::int64_t>(); };
    token_grid grid{n(0), n(1), n(2)};
    auto turned = x[i].narrow(0, 0, grid.count()).clone().unsqueeze(0);
    rotate_(turned, rope_table(grid, x.size(3), at::kCPU));
    CHECK(difference(turned[0], expected[i].narrow(0, 0, grid.count())) < tolerance);
  }
}

TEST_CASE("a grid beyond the table of positions is refused") {
  CHECK_THROWS_AS(rope_table({1, rope_positions_max + 1, 1}, 16, at::kCPU), std::invalid_argument);
}

TEST_CASE("timesteps become the reference's sinusoids") {
  golden g{"embeddings"};
  auto t = g("sinusoid.t"), expected = g("sinusoid.emb");
  for (std::int64_t i = 0; i < t.size(0); ++i)
    CHECK(difference(timestep_sinusoid(t[i].item<float>(), expected.size(1))[0], expected[i]) < 1e-6);
}
