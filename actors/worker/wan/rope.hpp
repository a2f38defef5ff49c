// rope.hpp: Rotary position embedding over time, height and width (specification section 3.6; J. Su et al.
// 2021). A head's numbers are taken in adjacent pairs as complex ones; the pairs are split between the three
// axes and turned by position x frequency. Angles in double, rotation in float32 (the reference rotates in
// double: below 1e-6 apart).
//
// A table belongs to one token grid and is built once per batch: (frames + height + width) x pairs sines and
// cosines.
#pragma once

#include <ATen/core/Tensor.h>
#include <array>
#include <cstdint>
#include <vector>

namespace reel::wan {

/// Tokens of one sample; numbered with the width fastest.
struct token_grid {
  std::int64_t frames = 0, height = 0, width = 0;
  std::int64_t count() const { return frames * height * width; }
  bool operator==(const token_grid&) const = default;
};

inline constexpr std::int64_t rope_positions_max = 1024; ///< per axis: what the released model's own table holds

/// Pairs of one head that serve time, height and width.
std::array<std::int64_t, 3> rope_split(std::int64_t head_dim);

/// Angle per position of each pair, in the order of rope_split().
std::vector<double> rope_frequencies(std::int64_t head_dim);

/// Complex [tokens, 1, head_dim / 2]. Throws std::invalid_argument beyond rope_positions_max.
at::Tensor rope_table(const token_grid& grid, std::int64_t head_dim, at::Device device);

/// x [samples, tokens, heads, head_dim] rotated; float32 in place, another type through float32.
at::Tensor rotated(at::Tensor x, const at::Tensor& table);

/// Rotates x [samples, tokens, heads, head_dim] in place, sample by sample.
void rotate_(at::Tensor& x, const at::Tensor& table);

} // namespace reel::wan
