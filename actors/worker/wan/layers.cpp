#include "actors/worker/wan/layers.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "actors/worker/wan/cpu_kernels.hpp"
#include "actors/worker/wan/norm.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16))
    return rms_norm_cpu(x, weight, eps);
  auto wide = x.to(at::kFloat);
  auto scale = wide.square().mean({-1}, true).add_(eps).rsqrt_();
  return wide.mul(scale).to(x.scalar_type()).mul_(weight);
}

at::Tensor layer_norm(const at::Tensor& x, double eps) { return at::layer_norm(x, {x.size(-1)}, {}, {}, eps); }

void gelu_tanh_(at::Tensor& x) {
  if (x.is_cpu() && x.scalar_type() == at::kFloat && !is_trained(x))
    gelu_tanh_cpu(x.data_ptr<float>(), x.numel());
  else
    at::gelu_(x, "tanh");
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, x.size(1) / heads}).transpose(0, 1);
}

namespace {

template <class T> head_view<T> view_of_heads(const at::Tensor& t) {
  return {t.data_ptr<float>(), t.stride(0), t.stride(1)};
}

/// Scores computed at once where no kernel of one pass is at hand: few launches, no matrix of a long video's square.
constexpr std::int64_t score_bytes_max = 256 << 20;

void attend_in_parts(const at::Tensor& q, const keys_values& m, const at::Tensor& out) {
#if TORCH_VERSION_MAJOR >= 2
  if (!q.is_cpu()) {
    out.copy_(at::scaled_dot_product_attention(q.unsqueeze(0), m.k.unsqueeze(0), m.v.unsqueeze(0)).squeeze(0));
    return;
  }
#endif
  auto keys_t = m.k.transpose(1, 2);
  auto row_bytes = m.heads * m.keys * static_cast<std::int64_t>(sizeof(float));
  auto rows = std::clamp<std::int64_t>(score_bytes_max / row_bytes, 1, q.size(1));
  auto scale = 1 / std::sqrt(static_cast<double>(m.head_dim));
  for (std::int64_t first = 0; first < q.size(1); first += rows) {
    auto n = std::min(rows, q.size(1) - first);
    auto weights = at::softmax(at::bmm(q.narrow(1, first, n).mul(scale), keys_t), -1, at::kFloat).to(m.v.scalar_type());
    out.narrow(1, first, n).copy_(at::bmm(weights, m.v));
  }
}

void attend_all(const std::vector<at::Tensor>& q, std::span<const keys_values* const> memories,
                const std::vector<at::Tensor>& out) {
  auto& first = *memories[0];
  if (!first.packed.defined()) {
    for (std::size_t i = 0; i < q.size(); ++i) attend_in_parts(q[i], *memories[i], out[i]);
    return;
  }
  std::vector<attention_job> jobs;
  for (std::size_t i = 0; i < q.size(); ++i)
    jobs.push_back({view_of_heads<const float>(q[i]), view_of_heads<float>(out[i]),
                    memories[i]->packed.data_ptr<float>(), memories[i]->keys});
  auto scale = 1 / std::sqrt(static_cast<float>(first.head_dim));
  attend_cpu({first.heads, first.head_dim}, jobs, q[0].size(1), scale);
}

/// q [samples, heads, n, d]. Every step of it has a gradient; all texts have been padded to one length.
at::Tensor attend_trained(const at::Tensor& q, std::span<const keys_values* const> memories) {
  std::vector<at::Tensor> k, v;
  for (auto* m : memories) k.push_back(m->k), v.push_back(m->v);
  auto keys = at::stack(k), values = at::stack(v);
  auto scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  auto weights = at::softmax(at::matmul(q.mul(scale), keys.transpose(2, 3)), -1);
  return at::matmul(weights, values);
}

} // namespace

keys_values prepare_keys(const at::Tensor& k, const at::Tensor& v) {
  keys_values m{.heads = k.size(0), .keys = k.size(1), .head_dim = k.size(2)};
  if (k.is_cpu() && k.scalar_type() == at::kFloat && !is_trained(k)) {
    attention_shape shape{m.heads, m.head_dim};
    m.packed = at::empty({packed_floats(shape, m.keys)}, k.options());
    pack_keys_cpu(shape, view_of_heads<const float>(k), view_of_heads<const float>(v), m.keys,
                  m.packed.data_ptr<float>());
  } else {
    m.k = k;
    m.v = v;
  }
  return m;
}

at::Tensor attend(const at::Tensor& q, std::span<const keys_values* const> memories) {
  auto heads = memories[0]->heads;
  auto by_sample = [heads](const at::Tensor& t) {
    return t.view({t.size(0), t.size(1), heads, t.size(2) / heads}).transpose(1, 2);
  };
  if (is_trained(q)) return attend_trained(by_sample(q), memories).transpose(1, 2).reshape(q.sizes());
  auto out = at::empty_like(q);
  attend_all(by_sample(q).unbind(0), memories, by_sample(out).unbind(0));
  return out;
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  auto memory = prepare_keys(k, v);
  auto* only = &memory;
  if (is_trained(q)) return attend_trained(q.unsqueeze(0), {&only, 1}).squeeze(0);
  auto out = at::empty(q.sizes(), q.options());
  attend_all({q}, {&only, 1}, {out});
  return out;
}

} // namespace reel::wan
