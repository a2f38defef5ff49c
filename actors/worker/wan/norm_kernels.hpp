// norm_kernels.hpp: The VAE's normalisation over channels with the SiLU behind it in one pass over memory, and the way
// back through both for training. LibTorch takes half a dozen passes with loops as short as there are channels, which
// is most of the time of a narrow VAE. No LibTorch here.
//
// y = silu(x / max(|x|, 1e-12) * gamma), |x| over the channels of a pixel; computed in float32. Pixels lie one after
// the other, channels side by side. A pixel's result depends on nothing but the pixel. Threads: forward as many as
// OpenMP gives the calling thread, backward one.
#pragma once

#include <cstdint>

namespace reel::wan {

/// The upper half of a float32.
enum class bfloat16_bits : std::uint16_t {};

struct norm_job {
  std::int64_t pixels = 0, channels = 0; ///< channels: 1 to norm_channels_max
  const float* gamma = nullptr;          ///< [channels]
};

inline constexpr std::int64_t norm_channels_max = 1024; ///< the released VAE's widest has 384

template <class T> void norm_silu(const norm_job& job, const T* x, T* y);

/// dx from dy; adds to dgamma [channels].
template <class T> void norm_silu_back(const norm_job& job, const T* x, const T* dy, T* dx, float* dgamma);

struct rms_job {
  std::int64_t rows = 0, width = 0;
  const float* weight = nullptr; ///< [width]
  float eps = 0;
};

template <class T> void rms_norm(const rms_job& job, const T* x, T* y);

/// dx from dy; adds to dweight [width].
template <class T> void rms_norm_back(const rms_job& job, const T* x, const T* dy, T* dx, float* dweight);

extern template void norm_silu(const norm_job&, const float*, float*);
extern template void norm_silu(const norm_job&, const bfloat16_bits*, bfloat16_bits*);
extern template void norm_silu_back(const norm_job&, const float*, const float*, float*, float*);
extern template void norm_silu_back(const norm_job&, const bfloat16_bits*, const bfloat16_bits*, bfloat16_bits*,
                                    float*);
extern template void rms_norm(const rms_job&, const float*, float*);
extern template void rms_norm(const rms_job&, const bfloat16_bits*, bfloat16_bits*);
extern template void rms_norm_back(const rms_job&, const float*, const float*, float*, float*);
extern template void rms_norm_back(const rms_job&, const bfloat16_bits*, const bfloat16_bits*, bfloat16_bits*, float*);

} // namespace reel::wan
