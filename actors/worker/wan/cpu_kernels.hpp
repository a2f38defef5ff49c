// cpu_kernels.hpp: The computations that LibTorch does on a CPU at half the speed of a large matrix product or less:
// attention (its batched products of 64-wide heads do not fill the vector units), GELU, and products with few rows or
// short ones. float32, no LibTorch.
//
// Attention is exact softmax(scale q k^T) v in one pass over the keys with a running maximum (T. Dao et al. 2022,
// "FlashAttention"): scores of a block of queries live in a core's cache and never in memory. The products are
// register tiles of some rows and a panel of columns, for which keys and values are laid out once (pack_keys_cpu), so
// that texts, which every step attends to, are laid out once per prompt. AVX-512 or AVX2 with FMA where the machine has
// it, else 128-bit vectors.
//
// Threads: as many as OpenMP gives the calling thread. A row's result depends on nothing but the row and what it is
// multiplied with (its keys and values, the weight): not on threads, nor on what else is computed, nor on where it
// stands.
#pragma once

#include <cstdint>
#include <span>

namespace reel::wan {

/// [heads, rows, head_dim] somewhere in memory; the numbers of one head's row lie side by side.
template <class T> struct head_view {
  T* data = nullptr;
  std::int64_t head_stride = 0, row_stride = 0;
  T* row(std::int64_t head, std::int64_t index) const { return data + head * head_stride + index * row_stride; }
};

struct attention_shape {
  std::int64_t heads = 0, head_dim = 0;
};

/// Memory that the packed keys and values of one sample need.
std::int64_t packed_floats(const attention_shape& shape, std::int64_t keys);
void pack_keys_cpu(const attention_shape& shape, const head_view<const float>& k, const head_view<const float>& v,
                   std::int64_t keys, float* packed);

/// One sample.
struct attention_job {
  head_view<const float> q;
  head_view<float> out;
  const float* packed = nullptr; ///< its keys and values
  std::int64_t keys = 0;
};

/// Which code runs, as far as the machine can; `best` may be wider than AVX2.
enum class vector_set { best, avx2, portable };

void attend_cpu(const attention_shape& shape, std::span<const attention_job> jobs, std::int64_t queries, float scale,
                vector_set set = vector_set::best);

/// y = x W^T + b.
struct linear_job {
  const float* x = nullptr; ///< [rows, in]
  std::int64_t rows = 0, in = 0, out = 0;
  const float* weight = nullptr; ///< [out, in]
  const float* bias = nullptr;   ///< [out], or none
  float* y = nullptr;            ///< [rows, out]
};
void linear_cpu(const linear_job& job, vector_set set = vector_set::best);

/// Pairs of numbers turned in place as complex numbers are multiplied: x [rows, heads, 2 x pairs], row r by
/// turns[r mod tokens] [tokens, 2 x pairs].
void rotate_cpu(float* x, std::int64_t rows, std::int64_t heads, std::int64_t pairs, const float* turns,
                std::int64_t tokens);

/// GELU by its tanh formula, in place.
void gelu_tanh_cpu(float* values, std::int64_t count, vector_set set = vector_set::best);

} // namespace reel::wan
