// linear.hpp: y = x W^T + b, such that a sample's result never depends on what else is in the batch.
//
// A matrix product over all rows of a batch would be up to 15 % faster on a CPU (measured), but OpenBLAS
// picks its kernels by the number of rows, and every sixth shape tried gave other last bits; a last bit
// becomes a visible pixel when it is truncated to 8 bits. So the product runs per sample, each with the shape
// that it has alone.
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

  /// [tokens, in] -> [tokens, out], or [samples, tokens, in] -> [samples, tokens, out].
  at::Tensor operator()(const at::Tensor& x) const;
};

} // namespace reel::wan
