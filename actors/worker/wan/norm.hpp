// norm.hpp: norm_kernels.hpp for tensors, with its gradient.
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::wan {

/// x [frames, channels, H, W], channels last in memory, float32 or bf16, on a CPU; gamma [channels, 1, 1].
at::Tensor norm_silu(const at::Tensor& x, const at::Tensor& gamma);

} // namespace reel::wan
