// linear.hpp: y = x W^T + b, such that a sample's result never depends on what else is in the batch.
//
// On a CPU in float32 that is a kernel of our own (cpu_kernels.hpp), over all rows of the batch at once. OpenBLAS picks
// its kernels by the number of rows, and every sixth shape tried gave other last bits; a last bit becomes a visible
// pixel when it is truncated to 8 bits. Elsewhere the product runs sample by sample.
#pragma once

#include <ATen/core/Tensor.h>
#include <string>

#include "actors/worker/wan/weights.hpp"

namespace reel::wan {

struct linear {
  at::Tensor weight; ///< [out, in]
  at::Tensor bias;   ///< [out]; undefined: none

  /// Reads NAME.weight and, if wanted, NAME.bias.
  static linear load(const weights& w, const std::string& name, std::int64_t in, std::int64_t out,
                     bool with_bias = true);

  /// In the weight's type, whatever x has. [tokens, in] -> [tokens, out], or [samples, tokens, in] -> [samples, tokens,
  /// out].
  at::Tensor operator()(const at::Tensor& x) const;

private:
  at::Tensor on_cpu(const at::Tensor& x) const;
};

} // namespace reel::wan
