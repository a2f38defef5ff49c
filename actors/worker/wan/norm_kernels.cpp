#include "actors/worker/wan/norm_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <omp.h>

#define REEL_INLINE inline __attribute__((always_inline))
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define REEL_FOR_EACH_MACHINE __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define REEL_FOR_EACH_MACHINE
#endif

namespace reel::wan {
namespace {

REEL_INLINE float number(float x) { return x; }
REEL_INLINE float number(bfloat16_bits x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

REEL_INLINE void put(float& to, float x) { to = x; }
REEL_INLINE void put(bfloat16_bits& to, float x) { // rounded to even
  auto bits = std::bit_cast<std::uint32_t>(x);
  to = static_cast<bfloat16_bits>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// As cpu_kernels.cpp has it (S. Moshier: Cephes, expf), written so that a compiler makes vectors of a loop over it.
REEL_INLINE float exp_of(float x) {
  constexpr float round_in = 12582912.0f;
  x = std::min(std::max(x, -87.0f), 87.0f);
  auto shifted = x * 1.44269504f + round_in;
  auto whole = shifted - round_in;
  auto r = x - whole * 0.693359375f - whole * -2.12194440e-4f;
  auto y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  return y * std::bit_cast<float>((std::bit_cast<std::int32_t>(shifted) << 23) + 0x3f800000);
}

/// Some pixels at once, so that the loops that cost are long even where there are few channels.
struct block {
  static constexpr std::int64_t numbers = norm_channels_max;

  explicit block(const norm_job& job) : channels{job.channels}, pixels{std::max<std::int64_t>(1, 512 / job.channels)} {
    for (std::int64_t i = 0; i < pixels * channels; ++i) gamma[i] = job.gamma[i % channels];
  }

  /// `unit` is x with each pixel of length one.
  template <class T> REEL_INLINE void take(const T* x, std::int64_t count) {
    for (std::int64_t i = 0; i < count * channels; ++i) unit[i] = number(x[i]);
    for (std::int64_t p = 0; p < count; ++p) {
      auto* of_pixel = unit + p * channels;
      auto sum = 0.0f;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t c = 0; c < channels; ++c) sum += of_pixel[c] * of_pixel[c];
      scale[p] = 1.0f / std::max(std::sqrt(sum), 1e-12f);
      for (std::int64_t c = 0; c < channels; ++c) of_pixel[c] *= scale[p];
    }
  }

  std::int64_t channels, pixels;
  alignas(64) float gamma[numbers], unit[numbers], work[numbers], scale[512];
};

template <class T>
REEL_INLINE void forward(const norm_job& job, const T* x, T* y, std::int64_t begin, std::int64_t end) {
  block b{job};
  for (auto first = begin; first < end; first += b.pixels) {
    auto count = std::min(b.pixels, end - first), n = count * b.channels;
    b.take(x + first * b.channels, count);
    for (std::int64_t i = 0; i < n; ++i) {
      auto z = b.unit[i] * b.gamma[i];
      b.work[i] = z / (1.0f + exp_of(-z));
    }
    auto* to = y + first * b.channels;
    for (std::int64_t i = 0; i < n; ++i) put(to[i], b.work[i]);
  }
}

template <class T> REEL_INLINE void backward(const norm_job& job, const T* x, const T* dy, T* dx, float* dgamma) {
  block b{job};
  alignas(64) float dz[block::numbers], sums[block::numbers] = {};
  for (std::int64_t first = 0; first < job.pixels; first += b.pixels) {
    auto count = std::min(b.pixels, job.pixels - first), n = count * b.channels, at = first * b.channels;
    b.take(x + at, count);
    for (std::int64_t i = 0; i < n; ++i) dz[i] = number(dy[at + i]);
    for (std::int64_t i = 0; i < n; ++i) {
      auto z = b.unit[i] * b.gamma[i];
      auto gate = 1.0f / (1.0f + exp_of(-z));
      dz[i] *= gate * (1.0f + z * (1.0f - gate));
      sums[i] += dz[i] * b.unit[i];
    }
    for (std::int64_t p = 0; p < count; ++p) {
      auto* change = dz + p * b.channels; // of what gamma multiplies
      auto* unit = b.unit + p * b.channels;
      auto along = 0.0f; // of it in x's own direction, which the normalisation takes out
#pragma omp simd reduction(+ : along)
      for (std::int64_t c = 0; c < b.channels; ++c) {
        change[c] *= b.gamma[c];
        along += change[c] * unit[c];
      }
      for (std::int64_t c = 0; c < b.channels; ++c) change[c] = b.scale[p] * (change[c] - unit[c] * along);
    }
    for (std::int64_t i = 0; i < n; ++i) put(dx[at + i], dz[i]);
  }
  for (std::int64_t i = 0; i < b.pixels * b.channels; ++i) dgamma[i % b.channels] += sums[i];
}

template <class T> REEL_INLINE float inverse_rms(const rms_job& job, const T* x) {
  auto sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < job.width; ++i) sum += number(x[i]) * number(x[i]);
  return 1.0f / std::sqrt(sum / static_cast<float>(job.width) + job.eps);
}

template <class T>
REEL_INLINE void rms_forward(const rms_job& job, const T* x, T* y, std::int64_t begin, std::int64_t end) {
  for (auto row = begin; row < end; ++row) {
    auto* from = x + row * job.width;
    auto* to = y + row * job.width;
    auto scale = inverse_rms(job, from);
#pragma omp simd
    for (std::int64_t i = 0; i < job.width; ++i) {
      T unit;
      put(unit, number(from[i]) * scale);
      put(to[i], number(unit) * job.weight[i]);
    }
  }
}

template <class T> REEL_INLINE void rms_backward(const rms_job& job, const T* x, const T* dy, T* dx, float* dweight) {
  for (std::int64_t row = 0; row < job.rows; ++row) {
    auto at = row * job.width;
    auto scale = inverse_rms(job, x + at);
    auto along = 0.0f;
#pragma omp simd reduction(+ : along)
    for (std::int64_t i = 0; i < job.width; ++i) {
      auto unit = number(x[at + i]) * scale, d = number(dy[at + i]);
      dweight[i] += d * unit;
      along += d * job.weight[i] * unit;
    }
    along /= static_cast<float>(job.width);
#pragma omp simd
    for (std::int64_t i = 0; i < job.width; ++i)
      put(dx[at + i], scale * (number(dy[at + i]) * job.weight[i] - number(x[at + i]) * scale * along));
  }
}

REEL_FOR_EACH_MACHINE void rms_of(const rms_job& job, const float* x, float* y, std::int64_t b, std::int64_t e) {
  rms_forward(job, x, y, b, e);
}
REEL_FOR_EACH_MACHINE void rms_of(const rms_job& job, const bfloat16_bits* x, bfloat16_bits* y, std::int64_t b,
                                  std::int64_t e) {
  rms_forward(job, x, y, b, e);
}
REEL_FOR_EACH_MACHINE void rms_back_of(const rms_job& job, const float* x, const float* dy, float* dx, float* dweight) {
  rms_backward(job, x, dy, dx, dweight);
}
REEL_FOR_EACH_MACHINE void rms_back_of(const rms_job& job, const bfloat16_bits* x, const bfloat16_bits* dy,
                                       bfloat16_bits* dx, float* dweight) {
  rms_backward(job, x, dy, dx, dweight);
}

REEL_FOR_EACH_MACHINE void forward_of(const norm_job& job, const float* x, float* y, std::int64_t b, std::int64_t e) {
  forward(job, x, y, b, e);
}
REEL_FOR_EACH_MACHINE void forward_of(const norm_job& job, const bfloat16_bits* x, bfloat16_bits* y, std::int64_t b,
                                      std::int64_t e) {
  forward(job, x, y, b, e);
}
REEL_FOR_EACH_MACHINE void backward_of(const norm_job& job, const float* x, const float* dy, float* dx, float* dgamma) {
  backward(job, x, dy, dx, dgamma);
}
REEL_FOR_EACH_MACHINE void backward_of(const norm_job& job, const bfloat16_bits* x, const bfloat16_bits* dy,
                                       bfloat16_bits* dx, float* dgamma) {
  backward(job, x, dy, dx, dgamma);
}

template <class F> void in_parts(std::int64_t rows, std::int64_t width, F work) {
  constexpr std::int64_t parallel_least = 1 << 15; // numbers: what it costs to wake another thread
#pragma omp parallel if (rows * width > parallel_least)
  {
    auto threads = omp_get_num_threads(), thread = omp_get_thread_num();
    work(rows * thread / threads, rows * (thread + 1) / threads);
  }
}

} // namespace

template <class T> void norm_silu(const norm_job& job, const T* x, T* y) {
  in_parts(job.pixels, job.channels, [&](auto begin, auto end) { forward_of(job, x, y, begin, end); });
}

template <class T> void rms_norm(const rms_job& job, const T* x, T* y) {
  in_parts(job.rows, job.width, [&](auto begin, auto end) { rms_of(job, x, y, begin, end); });
}

template <class T> void rms_norm_back(const rms_job& job, const T* x, const T* dy, T* dx, float* dweight) {
  rms_back_of(job, x, dy, dx, dweight);
}

template <class T> void norm_silu_back(const norm_job& job, const T* x, const T* dy, T* dx, float* dgamma) {
  backward_of(job, x, dy, dx, dgamma);
}

template void norm_silu(const norm_job&, const float*, float*);
template void norm_silu(const norm_job&, const bfloat16_bits*, bfloat16_bits*);
template void norm_silu_back(const norm_job&, const float*, const float*, float*, float*);
template void norm_silu_back(const norm_job&, const bfloat16_bits*, const bfloat16_bits*, bfloat16_bits*, float*);

template void rms_norm(const rms_job&, const float*, float*);
template void rms_norm(const rms_job&, const bfloat16_bits*, bfloat16_bits*);
template void rms_norm_back(const rms_job&, const float*, const float*, float*, float*);
template void rms_norm_back(const rms_job&, const bfloat16_bits*, const bfloat16_bits*, bfloat16_bits*, float*);

} // namespace reel::wan
