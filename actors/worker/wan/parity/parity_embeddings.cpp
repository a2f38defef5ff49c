#include <cmath>

#include "actors/worker/wan/parity/parts.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

void compare_rope_table(const dit_config& config, comparison& c) {
  auto frequencies = rope_frequencies(config.head_dim());
  for (std::string key : {"rope.cos", "rope.sin", "rope.cos_f64", "rope.sin_f64"}) {
    if (!c.has(key)) continue;
    auto positions = c.input(key).size(0);
    auto ours = at::empty({positions, static_cast<std::int64_t>(frequencies.size())}, at::kDouble);
    for (std::int64_t i = 0; i < positions; ++i)
      for (std::size_t pair = 0; pair < frequencies.size(); ++pair) {
        auto angle = static_cast<double>(i) * frequencies[pair];
        ours[i][static_cast<std::int64_t>(pair)] = key.starts_with("rope.cos") ? std::cos(angle) : std::sin(angle);
      }
    c.compare(key, ours);
  }
}

/// Rows behind a grid's tokens are padding, which is not rotated.
void compare_rotation(const parity_subject& s, comparison& c) {
  if (!c.has("rope_apply.x")) return;
  auto x = c.input("rope_apply.x"), grids = c.input("rope_apply.grid_sizes");
  auto ours = x.clone();
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    auto extent = [&](int axis) { return grids[i][axis].item<std::int64_t>(); };
    token_grid grid{extent(0), extent(1), extent(2)};
    auto tokens = ours[i].narrow(0, 0, grid.count()).unsqueeze(0);
    rotate_(tokens, rope_table(grid, s.loaded.config.dit.head_dim(), at::kCPU));
  }
  c.compare("rope_apply.y", ours);
}

} // namespace

void compare_embeddings(const parity_subject& s, comparison& c) {
  compare_rope_table(s.loaded.config.dit, c);
  compare_rotation(s, c);
  if (!c.has("sinusoid.t")) return;
  auto t = c.input("sinusoid.t");
  std::vector<at::Tensor> ours;
  for (std::int64_t i = 0; i < t.size(0); ++i)
    ours.push_back(timestep_sinusoid(t[i].item<double>(), s.loaded.config.dit.freq_dim)[0]);
  for (auto key : {"sinusoid.emb", "sinusoid.emb_f64"}) c.compare(key, at::stack(ours));
}

} // namespace reel::wan
