#include "actors/worker/wan/dit.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

/// x [R, S, D] is changed in place. Sums and products stay separate operations: a fused one rounds
/// differently at the end of a vector than inside, so a sample's bits would depend on its place in the batch.
void dit::run_block(std::int64_t index, at::Tensor& x, const at::Tensor& time, std::span<const dit_row> rows,
                    const at::Tensor& rope, const probe& see) const {
  auto& b = block_at(index);
  auto note = [&see](const char* name, const at::Tensor& value) {
    if (see) see(name, value);
  };
  auto m = b.modulation.add(time).unsqueeze(2).unbind(1); // shift, scale, gate: attention's, then ffn's; each [R, 1, D]

  auto y = layer_norm(x, config_.eps);
  note("_norm1", y);
  y.mul_(m[1].add(1)).add_(m[0]);
  y = self_attention(b.self, std::move(y), rope, see);
  note("_self_attn", y);
  add_to(x, y.to(at::kFloat).mul_(m[2]));

  y = at::Tensor{}; // its memory serves the next
  y = layer_norm(x, config_.eps).mul_(b.norm3_weight).add_(b.norm3_bias);
  note("_norm3", y);
  y = cross_attention(b.cross, index, std::move(y), rows);
  note("_cross_attn", y);
  add_to(x, y);

  y = at::Tensor{};
  y = b.ffn_in(layer_norm(x, config_.eps).mul_(m[4].add(1)).add_(m[3]));
  gelu_tanh_(y);
  y = b.ffn_out(y);
  note("_ffn", y);
  add_to(x, y.to(at::kFloat).mul_(m[5]));
  note("", x);
}

/// What is not needed any more is let go at once: these are the largest tensors of a step.
at::Tensor dit::self_attention(const attention& a, at::Tensor x, const at::Tensor& rope, const probe& see) const {
  std::vector<std::int64_t> by_head{x.size(0), x.size(1), config_.heads, config_.head_dim()};
  auto q = a.q(x);
  if (see) see("_q", q);
  q = rms_norm(q, a.norm_q, config_.eps);
  if (see) see("_norm_q", q);
  auto k = rms_norm(a.k(x), a.norm_k, config_.eps);
  auto v = a.v(x);
  x = at::Tensor{};
  q = rotated(q.view(by_head), rope).view_as(q);
  k = rotated(k.view(by_head), rope).view_as(k);

  std::vector<keys_values> memories;
  for (std::int64_t r = 0; r < q.size(0); ++r)
    memories.push_back(prepare_keys(split_heads(k[r], config_.heads), split_heads(v[r], config_.heads)));
  k = v = at::Tensor{};
  std::vector<const keys_values*> by_row;
  for (auto& m : memories) by_row.push_back(&m);
  auto out = attend(q, by_row);
  q = at::Tensor{};
  memories.clear();
  return a.o(out);
}

at::Tensor dit::cross_attention(const attention& a, std::int64_t index, at::Tensor x,
                                std::span<const dit_row> rows) const {
  auto q = a.q(x);
  x = at::Tensor{};
  q = rms_norm(q, a.norm_q, config_.eps);
  std::vector<const keys_values*> texts;
  for (auto& row : rows) texts.push_back(&row.text->layers[static_cast<std::size_t>(index)]);
  auto out = attend(q, texts);
  q = at::Tensor{};
  return a.o(out);
}

} // namespace reel::wan
