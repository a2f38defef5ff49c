#include "actors/worker/wan/text_encoder.hpp"

#include <cmath>

#include "actors/worker/wan/files/module_shapes.hpp"
#include "actors/worker/wan/layers.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

std::int64_t relative_bucket(std::int64_t distance, std::int64_t buckets, std::int64_t distance_max) {
  auto half = buckets / 2; // one half for keys before the query, one for those after it
  auto offset = distance > 0 ? half : 0;
  auto n = std::abs(distance);
  auto exact = half / 2;
  if (n < exact) return offset + n;
  // In float as the reference computes it: a double would round some distances into the next bucket.
  auto ratio = std::log(static_cast<float>(n) / static_cast<float>(exact));
  auto full = static_cast<float>(std::log(static_cast<double>(distance_max) / static_cast<double>(exact)));
  auto far = exact + static_cast<std::int64_t>(ratio / full * static_cast<float>(half - exact));
  return offset + std::min(far, half - 1);
}

text_encoder::text_encoder(const text_config& c, const weights& w, bool drops)
    : config_{c}, weights_{w}, drops_{drops} {
  for (auto& [key, shape] : text_shapes(c)) w.expect(key, shape);
  if (!drops_) now();
}

const text_encoder::tensors& text_encoder::now() const {
  if (!loaded_) loaded_ = load();
  return *loaded_;
}

void text_encoder::release() const {
  if (drops_) loaded_.reset();
}

text_encoder::tensors text_encoder::load() const {
  auto& c = config_;
  auto& w = weights_;
  tensors t;
  t.embedding = w.get("token_embedding.weight", {c.vocabulary, c.dim});
  for (std::int64_t i = 0; i < c.layers; ++i) {
    auto name = "blocks." + std::to_string(i) + '.';
    auto linear_of = [&](const char* part, std::int64_t in, std::int64_t out) {
      return linear::load(w, name + part, in, out, false);
    };
    t.blocks.push_back({.norm1 = w.get(name + "norm1.weight", {c.dim}),
                        .norm2 = w.get(name + "norm2.weight", {c.dim}),
                        .q = linear_of("attn.q", c.dim, c.attention_dim),
                        .k = linear_of("attn.k", c.dim, c.attention_dim),
                        .v = linear_of("attn.v", c.dim, c.attention_dim),
                        .o = linear_of("attn.o", c.attention_dim, c.dim),
                        .gate = linear_of("ffn.gate.0", c.dim, c.ffn_dim),
                        .up = linear_of("ffn.fc1", c.dim, c.ffn_dim),
                        .down = linear_of("ffn.fc2", c.ffn_dim, c.dim),
                        .bias_table = w.get(name + "pos_embedding.embedding.weight", {c.buckets, c.heads})});
  }
  t.norm = w.get("norm.weight", {c.dim});
  return t;
}

namespace {

/// [n, n] (query, key) -> bucket.
at::Tensor bucket_grid(std::int64_t n, const text_config& c, at::Device device) {
  auto grid = at::empty({n, n}, at::kLong);
  auto* cell = grid.data_ptr<std::int64_t>();
  for (std::int64_t query = 0; query < n; ++query)
    for (std::int64_t key = 0; key < n; ++key) *cell++ = relative_bucket(key - query, c.buckets, c.distance_max);
  return grid.to(device);
}

} // namespace

at::Tensor text_encoder::encode(std::span<const std::int32_t> ids, const probe& see, std::int64_t padding) const {
  return encode_all({&ids, 1}, see, padding).front();
}

std::vector<at::Tensor> text_encoder::encode_all(std::span<const std::span<const std::int32_t>> texts, const probe& see,
                                                 std::int64_t padding) const {
  auto& t = now();
  auto device = t.embedding.device();
  std::vector<std::int64_t> wide, lengths;
  std::vector<at::Tensor> buckets;
  for (auto& ids : texts) {
    auto n = static_cast<std::int64_t>(ids.size());
    wide.insert(wide.end(), ids.begin(), ids.end());
    lengths.push_back(n);
    buckets.push_back(bucket_grid(n, config_, device).narrow(1, 0, n - padding));
  }
  auto index = at::from_blob(wide.data(), {static_cast<std::int64_t>(wide.size())}, at::kLong).clone().to(device);
  auto x = t.embedding.index_select(0, index);
  if (see) see("layer_in", x);

  for (std::size_t i = 0; i < t.blocks.size(); ++i) {
    auto& b = t.blocks[i];
    x = x.add(attention(b, rms_norm(x, b.norm1, config_.eps), buckets));
    add_to(x, feed_forward(b, rms_norm(x, b.norm2, config_.eps)));
    if (see) see("layer" + std::to_string(i) + "_out", x);
  }
  return rms_norm(x, t.norm, config_.eps).split_with_sizes(lengths);
}

at::Tensor text_encoder::attention(const block& b, const at::Tensor& x, const std::vector<at::Tensor>& buckets) const {
  auto q = split_heads(b.q(x), config_.heads), k = split_heads(b.k(x), config_.heads);
  auto v = split_heads(b.v(x), config_.heads);
  std::vector<at::Tensor> heads;
  std::int64_t first = 0;
  for (auto& grid : buckets) {
    auto n = grid.size(0), seen = grid.size(1);
    auto bias = b.bias_table.index_select(0, grid.flatten()).view({n, seen, config_.heads}).permute({2, 0, 1});
    auto scores = at::baddbmm(bias, q.narrow(1, first, n), k.narrow(1, first, seen).transpose(1, 2)); // umT5 does not
    auto weights = at::softmax(scores, -1, at::kFloat).to(x.scalar_type()); // scale by the head's size
    heads.push_back(at::bmm(weights, v.narrow(1, first, seen)).transpose(0, 1).reshape({n, config_.attention_dim}));
    first += n;
  }
  return b.o(heads.size() == 1 ? heads.front() : at::cat(heads));
}

at::Tensor text_encoder::feed_forward(const block& b, const at::Tensor& x) const {
  auto gate = at::gelu(b.gate(x), "tanh");
  return b.down(b.up(x).mul_(gate));
}

} // namespace reel::wan
