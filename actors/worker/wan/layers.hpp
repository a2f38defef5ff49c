// layers.hpp: The small pieces that the text encoder and the transformer share. Pure functions of tensors;
// batch results never depend on the other samples (see linear.hpp: what is not computed element by element
// with exactly rounded operations runs per sample).
#pragma once

#include <ATen/core/Tensor.h>
#include <span>

namespace reel::wan {

/// x / sqrt(mean(x^2) + eps) * weight over the last dimension, statistics in float32 (sections 3 and 4).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// Normalises the last dimension to mean 0 and variance 1; no weights.
at::Tensor layer_norm(const at::Tensor& x, double eps);

/// GELU by its tanh formula, in place; x has no gaps.
void gelu_tanh_(at::Tensor& x);

/// Keys and values of one sample as attend() wants them: laid out for the CPU's kernel, or as they are.
struct keys_values {
  at::Tensor k, v;   ///< [heads, m, d]; undefined where `packed` is not
  at::Tensor packed; ///< CPU, float32
  std::int64_t heads = 0, keys = 0, head_dim = 0;
};

/// k and v [heads, m, d]; may be strided views, but a row's numbers lie side by side, here and below.
keys_values prepare_keys(const at::Tensor& k, const at::Tensor& v);

/// softmax(q k^T / sqrt(head_dim)) v of each sample with its own keys and values, exactly. q and the result [samples,
/// tokens, heads x d], without gaps. Never holds a whole score matrix on a CPU, but while it is trained.
at::Tensor attend(const at::Tensor& q, std::span<const keys_values* const> memories);

/// The same for one sample. q and the result [heads, n, d], k and v [heads, m, d].
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// [tokens, heads x d] seen as [heads, tokens, d]; no copy.
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads);

} // namespace reel::wan
