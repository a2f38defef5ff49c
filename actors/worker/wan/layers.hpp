// layers.hpp: The small pieces that the text encoder and the transformer share. Pure functions of tensors;
// batch results never depend on the other samples (see linear.hpp: what is not computed element by element
// with exactly rounded operations runs per sample).
#pragma once

#include <ATen/core/Tensor.h>

namespace reel::wan {

/// x / sqrt(mean(x^2) + eps) * weight over the last dimension, statistics in float32 (sections 3 and 4).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// Normalises the last dimension to mean 0 and variance 1; no weights.
at::Tensor layer_norm(const at::Tensor& x, double eps);

/// GELU by its tanh formula, in place, sample by sample.
void gelu_tanh_(at::Tensor& x);

/// softmax(q k^T / sqrt(head_dim)) v of one sample, exactly, a bounded part of the score matrix at a time.
/// q [heads, n, d], k and v [heads, m, d]; `out` [heads, n, d] may be a strided view.
void attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out);

/// [tokens, heads x d] seen as [heads, tokens, d]; no copy.
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads);

} // namespace reel::wan
