// norm.hpp: norm_kernels.hpp for tensors on a CPU, float32 or bf16, with gradients where they are wanted.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::wan {

/// x [frames, channels, H, W], channels last in memory; gamma [channels, 1, 1].
at::Tensor norm_silu(const at::Tensor& x, const at::Tensor& gamma);

/// Over the last dimension; x without gaps, weight [width].
at::Tensor rms_norm_cpu(const at::Tensor& x, const at::Tensor& weight, double eps);

} // namespace reel::wan
