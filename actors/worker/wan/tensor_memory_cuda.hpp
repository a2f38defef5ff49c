// tensor_memory_cuda.hpp: tensor_memory of a CUDA device. Built with LibTorch's CUDA part where it has one
// (REEL_WITH_CUDA), else a stub that nobody reaches: no CUDA device can be chosen then.
#pragma once

#include "actors/worker/wan/tensor_memory.hpp"

namespace reel::wan {

/// `index` of an existing device, or -1 for the current one.
tensor_memory& cuda_memory_of(c10::DeviceIndex index);

} // namespace reel::wan
