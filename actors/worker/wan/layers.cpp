#include "actors/worker/wan/layers.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {
// On a CPU the scores stay in a core's cache between the three passes over them: twice as fast as a whole
// matrix at 1024 tokens (measured), and long videos would not fit one. A device wants fewer, larger launches.
constexpr std::int64_t score_bytes_cpu = 1 << 20;
constexpr std::int64_t score_bytes_device = 256 << 20;
constexpr std::int64_t queries_least = 64; // fewer rows make a slow product, whatever the cache
} // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  auto wide = x.to(at::kFloat);
  auto scale = wide.square().mean({-1}, true).add_(eps).rsqrt_();
  return wide.mul(scale).to(x.scalar_type()).mul_(weight);
}

at::Tensor layer_norm(const at::Tensor& x, double eps) { return at::layer_norm(x, {x.size(-1)}, {}, {}, eps); }

void gelu_tanh_(at::Tensor& x) {
  for (auto& sample : x.unbind(0)) {
    auto view = sample;
    at::gelu_(view, "tanh");
  }
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, x.size(1) / heads}).transpose(0, 1);
}

namespace {

/// A part of the queries of some heads: what one score matrix is for.
struct score_block {
  std::int64_t head, heads, query, queries;
};

std::vector<score_block> blocks_of(std::int64_t heads, std::int64_t queries, std::int64_t keys, bool on_cpu) {
  auto rows = (on_cpu ? score_bytes_cpu : score_bytes_device) / (keys * static_cast<std::int64_t>(sizeof(float)));
  auto heads_at_once = std::clamp<std::int64_t>(rows / queries, 1, heads);
  auto queries_at_once = std::clamp(rows, std::min(queries_least, queries), queries);
  std::vector<score_block> out;
  for (std::int64_t h = 0; h < heads; h += heads_at_once)
    for (std::int64_t q = 0; q < queries; q += queries_at_once)
      out.push_back({h, std::min(heads_at_once, heads - h), q, std::min(queries_at_once, queries - q)});
  return out;
}

} // namespace

void attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out) {
  auto scaled = q.mul(1 / std::sqrt(static_cast<double>(q.size(2))));
  auto keys_t = k.transpose(1, 2);
  auto blocks = blocks_of(q.size(0), q.size(1), k.size(1), q.is_cpu());
  at::parallel_for(0, static_cast<std::int64_t>(blocks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    c10::InferenceMode no_autograd; // threads have their own
    for (auto i = begin; i < end; ++i) {
      auto& b = blocks[static_cast<std::size_t>(i)];
      auto part = [&b](const at::Tensor& t) { return t.narrow(0, b.head, b.heads); };
      auto scores = at::bmm(part(scaled).narrow(1, b.query, b.queries), part(keys_t));
      auto to = part(out).narrow(1, b.query, b.queries);
      at::bmm_out(to, at::softmax(scores, -1), part(v));
    }
  });
}

} // namespace reel::wan
