#include "actors/worker/wan/layers.hpp"

#include <cmath>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {
constexpr std::int64_t score_bytes_max = 64 << 20;
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  auto wide = x.to(at::kFloat);
  auto scale = wide.square().mean({-1}, true).add_(eps).rsqrt_();
  return wide.mul(scale).to(x.scalar_type()).mul_(weight);
}

at::Tensor layer_norm(const at::Tensor& x, double eps) {
  return at::layer_norm(x, {x.size(-1)}, {}, {}, eps);
}

void gelu_tanh_(at::Tensor& x) {
  for (auto& sample : x.unbind(0)) {
    auto view = sample;
    at::gelu_(view, "tanh");
  }
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, x.size(1) / heads}).transpose(0, 1);
}

void attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, at::Tensor out) {
  auto heads = q.size(0), queries = q.size(1), keys = k.size(1);
  auto slice =
      std::max<std::int64_t>(1, score_bytes_max / (heads * keys * static_cast<std::int64_t>(sizeof(float))));
  auto scaled = q.mul(1 / std::sqrt(static_cast<double>(q.size(2))));
  auto keys_t = k.transpose(1, 2);
  for (std::int64_t begin = 0; begin < queries; begin += slice) {
    auto n = std::min(slice, queries - begin);
    auto scores = at::softmax(at::bmm(scaled.narrow(1, begin, n), keys_t), -1);
    auto part = out.narrow(1, begin, n);
    at::bmm_out(part, scores, v);
  }
}

} // namespace reel::wan
