#include <utility>

#include "actors/worker/wan/dit.hpp"
#include "actors/worker/wan/files/module_shapes.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

dit::dit(const dit_config& c, const weights& w, const load_options& o)
    : config_{c}, products_{w.as(o.products)}, exact_{w.as(at::kFloat)}, residency_{o.experts} {
  for (auto& [key, shape] : dit_shapes(c)) w.expect(key, shape);
  if (residency_ == residency::both) load();
}

dit::attention dit::load_attention(const std::string& name) const {
  auto dim = config_.dim;
  auto product = [&](const char* part) { return linear::load(products_, name + part, dim, dim); };
  return {.q = product("q"),
          .k = product("k"),
          .v = product("v"),
          .o = product("o"),
          .norm_q = exact_.get(name + "norm_q.weight", {dim}),
          .norm_k = exact_.get(name + "norm_k.weight", {dim})};
}

dit::block dit::load_block(std::int64_t index) const {
  auto& c = config_;
  auto name = "blocks." + std::to_string(index) + '.';
  return {.modulation = exact_.get(name + "modulation", {1, 6, c.dim}),
          .self = load_attention(name + "self_attn."),
          .cross = load_attention(name + "cross_attn."),
          .norm3_weight = exact_.get(name + "norm3.weight", {c.dim}),
          .norm3_bias = exact_.get(name + "norm3.bias", {c.dim}),
          .ffn_in = linear::load(products_, name + "ffn.0", c.dim, c.ffn_dim),
          .ffn_out = linear::load(products_, name + "ffn.2", c.ffn_dim, c.dim)};
}

void dit::load() const {
  if (loaded_) return;
  const auto begin = std::chrono::steady_clock::now();
  auto& c = config_;
  auto volume = c.patch[0] * c.patch[1] * c.patch[2];
  tensors t;
  // Kernel and stride are the patch: the convolution is a product with the patch's numbers in a row.
  t.patch_embedding.weight =
      products_.get("patch_embedding.weight", {c.dim, c.in_dim, c.patch[0], c.patch[1], c.patch[2]})
          .reshape({c.dim, c.in_dim * volume});
  t.patch_embedding.bias = products_.get("patch_embedding.bias", {c.dim});
  t.text_in = linear::load(products_, "text_embedding.0", c.text_dim, c.dim);
  t.text_out = linear::load(products_, "text_embedding.2", c.dim, c.dim);
  t.time_in = linear::load(exact_, "time_embedding.0", c.freq_dim, c.dim);
  t.time_out = linear::load(exact_, "time_embedding.2", c.dim, c.dim);
  t.time_projection = linear::load(exact_, "time_projection.1", c.dim, 6 * c.dim);
  t.head_modulation = exact_.get("head.modulation", {1, 2, c.dim});
  t.head = linear::load(exact_, "head.head", c.dim, volume * c.out_dim);
  if (residency_ != residency::streamed)
    for (std::int64_t i = 0; i < c.layers; ++i) t.blocks.push_back(load_block(i));
  loaded_ = std::move(t);
  ++loads_;
  load_time_ += std::chrono::steady_clock::now() - begin;
}

void dit::unload() const {
  if (next_.valid()) next_.wait(); // it reads what is let go here
  next_ = {};
  streamed_ = {};
  streamed_index_ = -1;
  loaded_.reset();
}

const dit::tensors& dit::now() const {
  load();
  return *loaded_;
}

const dit::block& dit::block_at(std::int64_t index) const {
  if (residency_ != residency::streamed) return now().blocks[static_cast<std::size_t>(index)];
  if (streamed_index_ != index) bring(index);
  return streamed_;
}

std::vector<at::Tensor> dit::tensors_of(const block& b) {
  std::vector<at::Tensor> all{b.modulation, b.norm3_weight, b.norm3_bias};
  for (auto* a : {&b.self, &b.cross})
    for (auto& t : {a->q.weight, a->q.bias, a->k.weight, a->k.bias, a->v.weight, a->v.bias, a->o.weight, a->o.bias,
                    a->norm_q, a->norm_k})
      all.push_back(t);
  for (auto* l : {&b.ffn_in, &b.ffn_out}) all.push_back(l->weight), all.push_back(l->bias);
  return all;
}

/// Block `index` now, and the one after it meanwhile: after the last comes the first, of the next pass.
void dit::bring(std::int64_t index) const {
  auto expected = (streamed_index_ + 1) % config_.layers;
  auto ready = next_.valid() && index == expected;
  if (!ready) next_ = {}; // nobody asks out of order but after an error; waits for the thread
  streamed_index_ = -1;
  streamed_ = {}; // its memory serves the one after next
  streamed_ = ready ? next_.get() : load_block(index);
  for (auto& t : tensors_of(streamed_)) take_from_side_stream(t);
  streamed_index_ = index;
  next_ = std::async(std::launch::async,
                     [this, device = now().head.weight.device(), following = (index + 1) % config_.layers] {
                       compute_scope scope;
                       return on_side_stream(device, [this, following] { return load_block(following); });
                     });
}

} // namespace reel::wan
