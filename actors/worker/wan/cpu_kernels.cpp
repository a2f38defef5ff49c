#include "actors/worker/wan/cpu_kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <omp.h>
#include <vector>

// Vectors wider than the base instruction set appear in inlined functions only: no call passes one.
#pragma GCC diagnostic ignored "-Wpsabi"
#define REEL_INLINE inline __attribute__((always_inline))
#define REEL_INLINE_LAMBDA __attribute__((always_inline))

namespace reel::wan {
namespace {

constexpr std::int64_t keys_panel = 16;    // keys, or numbers of a value, that an attention's tile is wide
constexpr std::int64_t queries_block = 48; // with the scores of a key block, 24 KiB: the first cache's size
constexpr std::int64_t keys_block = 128;
constexpr float no_score = -std::numeric_limits<float>::infinity();

std::int64_t in_panels(std::int64_t n, std::int64_t wide = keys_panel) { return (n + wide - 1) / wide * wide; }

template <int Width> struct vector_types {
  typedef float number __attribute__((vector_size(Width * sizeof(float))));
  typedef std::int32_t bits __attribute__((vector_size(Width * sizeof(float))));
};
template <int Width> using vec = typename vector_types<Width>::number;

template <int Width> REEL_INLINE vec<Width> load(const float* from) {
  vec<Width> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <int Width> REEL_INLINE void store(float* to, vec<Width> v) { std::memcpy(to, &v, sizeof v); }

template <int Width> REEL_INLINE vec<Width> all(float x) { return vec<Width>{} + x; }

/// e^x to 1e-7 of its value, for x up to 88; below -87 as at -87 (S. Moshier: Cephes, expf).
template <int Width> REEL_INLINE vec<Width> exp_of(vec<Width> x) {
  using bits = typename vector_types<Width>::bits;
  constexpr float round_in = 12582912.0f; // 1.5 x 2^23: what is added to it ends up whole in its low bits
  x = x < -87.0f ? all<Width>(-87.0f) : x;
  auto shifted = x * 1.44269504f + round_in;
  auto whole = shifted - round_in;
  auto r = x - whole * 0.693359375f - whole * -2.12194440e-4f; // ln 2 in two parts
  auto y = all<Width>(1.9875691500e-4f);
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  auto power = (reinterpret_cast<bits>(shifted) << 23) + reinterpret_cast<bits>(all<Width>(1.0f));
  return y * reinterpret_cast<vec<Width>>(power);
}

/// One register tile: c = start + sum over k of a[row][k] x b[k][column], Panel columns. b holds its rows of a panel
/// one after the other; a is read at a[row x a_row + k x a_step]. `start(row, column)` gives what the sums begin with.
template <int Width, int Rows, std::int64_t Panel, class Start>
REEL_INLINE void tile(const float* a, std::int64_t a_row, std::int64_t a_step, const float* b, std::int64_t n, float* c,
                      std::int64_t c_row, Start start) {
  constexpr int columns = Panel / Width;
  vec<Width> sum[Rows][columns];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (int i = 0; i < columns; ++i) sum[r][i] = start(r, i * Width);
#pragma GCC unroll 4
  for (std::int64_t k = 0; k < n; ++k) {
    vec<Width> right[columns];
#pragma GCC unroll 16
    for (int i = 0; i < columns; ++i) right[i] = load<Width>(b + k * Panel + i * Width);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      auto left = a[r * a_row + k * a_step];
#pragma GCC unroll 16
      for (int i = 0; i < columns; ++i) sum[r][i] += left * right[i];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (int i = 0; i < columns; ++i) store<Width>(c + r * c_row + i * Width, sum[r][i]);
}

// ---------------------------------------------------------------- attention

/// Where a head's keys ([panel of keys][number][key in panel]) and values ([panel of numbers][key][number in panel])
/// lie after packing; the last panels are filled up.
template <class T> struct packed_head {
  T *keys, *values;
  packed_head(const attention_shape& s, std::int64_t n, T* all, std::int64_t head)
      : keys{all + packed_floats({1, s.head_dim}, n) * head}, values{keys + in_panels(n) * s.head_dim} {}
};

void pack_head(std::int64_t head_dim, const float* k, std::int64_t k_row, const float* v, std::int64_t v_row,
               std::int64_t keys, const packed_head<float>& to) {
  auto padded = in_panels(keys);
  for (std::int64_t j = 0; j < padded; ++j) {
    auto* column = to.keys + j / keys_panel * keys_panel * head_dim + j % keys_panel;
    auto* from = k + std::min(j, keys - 1) * k_row; // what stands in for a missing key gets no weight later
    for (std::int64_t i = 0; i < head_dim; ++i) column[i * keys_panel] = from[i];
  }
  for (std::int64_t c = 0; c < head_dim; c += keys_panel)
    for (std::int64_t j = 0; j < padded; ++j) {
      auto* row = to.values + c * padded + j * keys_panel;
      for (std::int64_t i = 0; i < keys_panel; ++i) row[i] = j < keys && c + i < head_dim ? v[j * v_row + c + i] : 0;
    }
}

/// A thread's working memory for one block of queries.
template <int Rows> struct query_block {
  explicit query_block(std::int64_t d)
      : head_dim{d}, q(static_cast<std::size_t>(queries_block * d)),
        out(static_cast<std::size_t>(queries_block * in_panels(d))),
        scores(static_cast<std::size_t>(queries_block * keys_block)) {}

  std::int64_t in_tiles() const { return (rows + Rows - 1) / Rows * Rows; }

  /// Scaled, [tile of rows][number][row in tile]; what fills the last tile up is zero.
  void take(const float* from, std::int64_t row_stride, std::int64_t n, float scale) {
    rows = n;
    for (std::int64_t row = 0; row < in_tiles(); ++row) {
      auto* to = q.data() + row / Rows * Rows * head_dim + row % Rows;
      for (std::int64_t i = 0; i < head_dim; ++i) to[i * Rows] = row < n ? from[row * row_stride + i] * scale : 0;
    }
    std::ranges::fill(out, 0.0f);
    highest.fill(no_score);
    total.fill(0);
  }

  void give(float* to, std::int64_t row_stride) const {
    for (std::int64_t row = 0; row < rows; ++row) {
      auto* from = out.data() + row * in_panels(head_dim);
      auto share = 1 / total[static_cast<std::size_t>(row)];
      for (std::int64_t i = 0; i < head_dim; ++i) to[row * row_stride + i] = from[i] * share;
    }
  }

  std::int64_t head_dim, rows = 0;
  std::vector<float> q, out, scores;
  std::array<float, queries_block> highest, total; ///< score so far, and sum of e^(score - highest)
  std::array<float, queries_block> keep;           ///< what earlier sums are still worth
};

/// Turns a row of scores into weights against the row's new highest.
template <int Width> REEL_INLINE void weigh(float* scores, std::int64_t n, float& highest, float& total, float& keep) {
  auto top = load<Width>(scores);
  for (std::int64_t j = Width; j < n; j += Width) {
    auto s = load<Width>(scores + j);
    top = s > top ? s : top;
  }
  auto now = highest;
  for (int i = 0; i < Width; ++i) now = std::max(now, static_cast<float>(top[i]));
  keep = std::exp(highest - now);
  highest = now;
  vec<Width> sums{};
  for (std::int64_t j = 0; j < n; j += Width) {
    auto e = exp_of<Width>(load<Width>(scores + j) - now);
    store<Width>(scores + j, e);
    sums += e;
  }
  total *= keep;
  for (int i = 0; i < Width; ++i) total += sums[i];
}

template <int Width, int Rows>
REEL_INLINE void attend_block(query_block<Rows>& b, const packed_head<const float>& head, std::int64_t keys) {
  auto rows = b.in_tiles(), d = b.head_dim, d_padded = in_panels(d), padded = in_panels(keys);
  for (std::int64_t first = 0; first < keys; first += keys_block) {
    auto real = std::min(keys_block, keys - first), here = in_panels(real);
    for (std::int64_t j = 0; j < here; j += keys_panel)
      for (std::int64_t row = 0; row < rows; row += Rows)
        tile<Width, Rows, keys_panel>(b.q.data() + row * d, 1, Rows, head.keys + (first + j) * d, d,
                                      b.scores.data() + row * keys_block + j, keys_block,
                                      [](int, int) REEL_INLINE_LAMBDA { return vec<Width>{}; });
    for (std::int64_t row = 0; row < rows; ++row) {
      auto* scores = b.scores.data() + row * keys_block;
      std::fill(scores + real, scores + here, no_score);
      auto i = static_cast<std::size_t>(row);
      weigh<Width>(scores, here, b.highest[i], b.total[i], b.keep[i]);
    }
    for (std::int64_t c = 0; c < d_padded; c += keys_panel)
      for (std::int64_t row = 0; row < rows; row += Rows) {
        auto* out = b.out.data() + row * d_padded + c;
        auto* keep = b.keep.data() + row;
        tile<Width, Rows, keys_panel>(
            b.scores.data() + row * keys_block, keys_block, 1, head.values + c * padded + first * keys_panel, real, out,
            d_padded,
            [&](int r, int column) REEL_INLINE_LAMBDA { return load<Width>(out + r * d_padded + column) * keep[r]; });
      }
  }
}

// ---------------------------------------------------------------- linear

// Chosen by measurement against OpenBLAS: within 5 % of it for large products on Zen 3, faster for small ones.
constexpr std::int64_t panel_floats = 8192; // of a panel at once: 32 KiB of the first cache
constexpr std::int64_t rows_block = 48;     // rows that stay in the second cache while the columns pass
constexpr std::int64_t columns_block = 128; // columns per task

/// Numbers of a row at once.
template <std::int64_t Panel> constexpr std::int64_t depth_block = panel_floats / Panel;

/// A part of the product: some rows, up to columns_block columns.
struct linear_part {
  std::int64_t row, rows, column, columns;
};

/// The part's columns of the weight from `depth` on, as the tiles read them: [panel][depth][column]. What fills the
/// last panel up is computed and thrown away.
template <std::int64_t Panel>
void pack_columns(const linear_job& job, const linear_part& part, std::int64_t depth, float* to) {
  auto n = std::min(depth_block<Panel>, job.in - depth);
  for (std::int64_t c = 0; c < in_panels(part.columns, Panel); ++c) {
    auto* column = to + c / Panel * Panel * depth_block<Panel> + c % Panel;
    auto* from = job.weight + std::min(part.column + c, job.out - 1) * job.in + depth;
    for (std::int64_t k = 0; k < n; ++k) column[k * Panel] = from[k];
  }
}

/// A tile of some rows, of a panel at the job's column `column`. Whole panels are computed in place.
template <int Width, int Rows, std::int64_t Panel> REEL_INLINE void
linear_tile(const linear_job& job, std::int64_t row, std::int64_t column, std::int64_t depth, const float* packed) {
  auto n = std::min(depth_block<Panel>, job.in - depth), here = std::min(Panel, job.out - column);
  float part[Rows * Panel];
  auto* y = job.y + row * job.out + column;
  auto* c = here == Panel ? y : part;
  auto c_row = here == Panel ? job.out : Panel;
  if (here < Panel && depth > 0)
    for (int r = 0; r < Rows; ++r) std::copy(y + r * job.out, y + r * job.out + here, part + r * Panel);
  float bias[Panel] = {};
  if (job.bias) std::copy(job.bias + column, job.bias + column + here, bias);
  auto* x = job.x + row * job.in + depth;
  if (depth == 0)
    tile<Width, Rows, Panel>(x, job.in, 1, packed, n, c, c_row,
                             [&](int, int i) REEL_INLINE_LAMBDA { return load<Width>(bias + i); });
  else
    tile<Width, Rows, Panel>(x, job.in, 1, packed, n, c, c_row,
                             [&](int r, int i) REEL_INLINE_LAMBDA { return load<Width>(c + r * c_row + i); });
  if (here < Panel)
    for (int r = 0; r < Rows; ++r) std::copy(part + r * Panel, part + r * Panel + here, y + r * job.out);
}

template <int Width, int Rows, std::int64_t Panel>
REEL_INLINE void linear_block(const linear_job& job, const linear_part& part, float* packed) {
  constexpr int few = std::min(Rows, 4); // of the rows that are left when no more full tiles fit
  auto end = part.row + part.rows;
  for (std::int64_t depth = 0; depth < job.in; depth += depth_block<Panel>) {
    pack_columns<Panel>(job, part, depth, packed);
    for (auto first = part.row; first < end; first += rows_block)
      for (std::int64_t c = 0; c < part.columns; c += Panel) {
        auto row = first, stop = std::min(end, first + rows_block);
        auto* here = packed + c * depth_block<Panel>;
        for (; row + Rows <= stop; row += Rows) linear_tile<Width, Rows, Panel>(job, row, part.column + c, depth, here);
        for (; row + few <= stop; row += few) linear_tile<Width, few, Panel>(job, row, part.column + c, depth, here);
        for (; row < stop; ++row) linear_tile<Width, 1, Panel>(job, row, part.column + c, depth, here);
      }
  }
}

// ---------------------------------------------------------------- GELU

/// GELU(x) = x / (1 + e^(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3): tanh's formula with one exponential.
template <int Width> REEL_INLINE vec<Width> gelu(vec<Width> x) {
  auto e = x * (-1.5957691216f - 0.0713548162726f * (x * x)); // -2u
  e = e > 87.0f ? all<Width>(87.0f) : e;                      // beyond, the result is 0 either way
  return x / (1.0f + exp_of<Width>(e));
}

template <int Width> REEL_INLINE void gelu_range(float* values, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + Width <= n; i += Width) store<Width>(values + i, gelu<Width>(load<Width>(values + i)));
  if (i == n) return;
  float rest[Width] = {}; // through the same operations: a number's result does not depend on its place
  std::copy(values + i, values + n, rest);
  store<Width>(rest, gelu<Width>(load<Width>(rest)));
  std::copy(rest, rest + (n - i), values + i);
}

// ---------------------------------------------------------------- per instruction set

constexpr int rows_portable = 2, rows_avx2 = 6, rows_avx512 = 12; // as many sums as the registers hold
constexpr int rows_linear_avx512 = 8;                             // of 32 columns: fewer loads per product

void attend_portable(query_block<rows_portable>& b, const packed_head<const float>& head, std::int64_t keys) {
  attend_block<4>(b, head, keys);
}
void linear_portable(const linear_job& job, const linear_part& part, float* packed) {
  linear_block<4, rows_portable, 16>(job, part, packed);
}
void gelu_portable(float* values, std::int64_t n) { gelu_range<4>(values, n); }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void attend_avx2(query_block<rows_avx2>& b, const packed_head<const float>& head,
                                                     std::int64_t keys) {
  attend_block<8>(b, head, keys);
}
__attribute__((target("avx2,fma"))) void linear_avx2(const linear_job& job, const linear_part& part, float* packed) {
  linear_block<8, rows_avx2, 16>(job, part, packed);
}
__attribute__((target("avx2,fma"))) void gelu_avx2(float* values, std::int64_t n) { gelu_range<8>(values, n); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

__attribute__((target("avx512f,avx512dq"))) void
attend_avx512(query_block<rows_avx512>& b, const packed_head<const float>& head, std::int64_t keys) {
  attend_block<16>(b, head, keys);
}
__attribute__((target("avx512f,avx512dq"))) void linear_avx512(const linear_job& job, const linear_part& part,
                                                               float* packed) {
  linear_block<16, rows_linear_avx512, 32>(job, part, packed);
}
__attribute__((target("avx512f,avx512dq"))) void gelu_avx512(float* values, std::int64_t n) {
  gelu_range<16>(values, n);
}
bool has_avx512() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"); }
#endif

/// Waking another thread costs as much as this many multiplications.
constexpr std::int64_t parallel_least = 1 << 20;

template <int Rows, class F> void for_each_block(const attention_shape& s, std::span<const attention_job> jobs,
                                                 std::int64_t queries, float scale, F attend) {
  auto blocks = (queries + queries_block - 1) / queries_block;
  auto count = static_cast<std::int64_t>(jobs.size());
  auto work = count * s.heads * queries * s.head_dim * jobs.front().keys;
#pragma omp parallel if (work > parallel_least)
  {
    query_block<Rows> b{s.head_dim};
#pragma omp for schedule(dynamic) collapse(3)
    for (std::int64_t n = 0; n < count; ++n)
      for (std::int64_t head = 0; head < s.heads; ++head)
        for (std::int64_t i = 0; i < blocks; ++i) {
          auto& job = jobs[static_cast<std::size_t>(n)];
          auto first = i * queries_block;
          b.take(job.q.row(head, first), job.q.row_stride, std::min(queries_block, queries - first), scale);
          attend(b, packed_head<const float>{s, job.keys, job.packed, head}, job.keys);
          b.give(job.out.row(head, first), job.out.row_stride);
        }
  }
}

} // namespace

std::int64_t packed_floats(const attention_shape& s, std::int64_t keys) {
  return s.heads * in_panels(keys) * (s.head_dim + in_panels(s.head_dim));
}

void pack_keys_cpu(const attention_shape& s, const head_view<const float>& k, const head_view<const float>& v,
                   std::int64_t keys, float* packed) {
#pragma omp parallel for if (s.heads * keys * s.head_dim > parallel_least / 16)
  for (std::int64_t head = 0; head < s.heads; ++head)
    pack_head(s.head_dim, k.row(head, 0), k.row_stride, v.row(head, 0), v.row_stride, keys, {s, keys, packed, head});
}

void attend_cpu(const attention_shape& s, std::span<const attention_job> jobs, std::int64_t queries, float scale,
                vector_set set) {
  if (jobs.empty()) return;
#if defined(__x86_64__)
  if (set == vector_set::best && has_avx512())
    return for_each_block<rows_avx512>(s, jobs, queries, scale, attend_avx512);
  if (set != vector_set::portable && has_avx2()) return for_each_block<rows_avx2>(s, jobs, queries, scale, attend_avx2);
#endif
  for_each_block<rows_portable>(s, jobs, queries, scale, attend_portable);
}

void linear_cpu(const linear_job& job, vector_set set) {
  auto run = linear_portable;
#if defined(__x86_64__)
  if (set != vector_set::portable && has_avx2()) run = linear_avx2;
  if (set == vector_set::best && has_avx512()) run = linear_avx512;
#endif
  // Few columns: rows are shared out too, although each share lays the weight out again.
  auto is_parallel = job.rows * job.in * job.out > parallel_least;
  auto wanted = is_parallel ? 2 * omp_get_max_threads() : 1;
  auto by_column = (job.out + columns_block - 1) / columns_block;
  auto by_row = std::clamp<std::int64_t>(wanted / by_column, 1, (job.rows + rows_block - 1) / rows_block);
  auto rows = (job.rows + by_row - 1) / by_row;
#pragma omp parallel if (is_parallel)
  {
    // Kept: a quarter of a megabyte per thread, whose pages cost as much as a small product.
    static thread_local std::vector<float> packed(static_cast<std::size_t>(depth_block<16> * columns_block));
#pragma omp for schedule(dynamic) collapse(2)
    for (std::int64_t column = 0; column < job.out; column += columns_block)
      for (std::int64_t row = 0; row < job.rows; row += rows)
        run(job, {row, std::min(rows, job.rows - row), column, std::min(columns_block, job.out - column)},
            packed.data());
  }
}

void rotate_cpu(float* x, std::int64_t rows, std::int64_t heads, std::int64_t pairs, const float* turns,
                std::int64_t tokens) {
#pragma omp parallel for if (rows * heads * pairs > parallel_least / 16)
  for (std::int64_t r = 0; r < rows; ++r) {
    auto* turn = turns + r % tokens * 2 * pairs;
    for (std::int64_t h = 0; h < heads; ++h) {
      auto* at = x + (r * heads + h) * 2 * pairs;
      for (std::int64_t i = 0; i < 2 * pairs; i += 2) {
        auto real = at[i] * turn[i] - at[i + 1] * turn[i + 1];
        at[i + 1] = at[i] * turn[i + 1] + at[i + 1] * turn[i];
        at[i] = real;
      }
    }
  }
}

void gelu_tanh_cpu(float* values, std::int64_t count, vector_set set) {
  constexpr std::int64_t chunk = 1 << 12;
  auto run = gelu_portable;
#if defined(__x86_64__)
  if (set != vector_set::portable && has_avx2()) run = gelu_avx2;
  if (set == vector_set::best && has_avx512()) run = gelu_avx512;
#endif
#pragma omp parallel for if (count > parallel_least / 16)
  for (std::int64_t i = 0; i < count; i += chunk) run(values + i, std::min(chunk, count - i));
}

} // namespace reel::wan
