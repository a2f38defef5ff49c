#include "actors/worker/wan/parity/parts.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/weights.hpp"

namespace reel::wan {
namespace {

std::vector<std::int32_t> ids_of(const at::Tensor& row) {
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0; i < row.size(0); ++i) out.push_back(static_cast<std::int32_t>(row[i].item<std::int64_t>()));
  return out;
}

/// Rows of token ids with padding behind them; layers were kept of the first row.
void compare_rows(const text_encoder& encoder, comparison& c, const std::string& group) {
  auto ids = c.input(group + ".ids"), mask = c.input(group + ".mask");
  std::vector<at::Tensor> contexts;
  auto lengths = at::empty({ids.size(0)}, at::kLong);
  layer_recorder layers;
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    auto length = mask[i].sum().item<std::int64_t>();
    lengths[i] = length;
    contexts.push_back(encoder.encode(ids_of(ids[i]), i == 0 ? layers.see() : probe{}, ids.size(1) - length));
    auto alone = encoder.encode(ids_of(ids[i].narrow(0, 0, length))); // as jobs are encoded
    c.compare(group + ".trimmed_" + std::to_string(i), alone);
  }
  c.compare(group + ".context", at::stack(contexts));
  c.compare(group + ".seq_lens", lengths);
  for (auto& [name, value] : layers.seen) c.compare(group + '.' + name, value.unsqueeze(0));
}

void compare_buckets(const parity_subject& s, comparison& c) {
  auto& config = s.loaded.config.text;
  auto bucket = [&config](std::int64_t distance) {
    return relative_bucket(distance, config.buckets, config.distance_max);
  };
  for (auto [key, sign] : {std::pair{"relpos.bucket_row0", 1}, std::pair{"relpos.bucket_col0", -1}}) {
    if (!c.has(key)) continue;
    auto ours = at::empty_like(c.input(key));
    for (std::int64_t i = 0; i < ours.size(0); ++i) ours[i] = bucket(sign * i);
    c.compare(key, ours);
  }
  for (auto& key : c.keys_with("relpos.bias0_")) {
    auto table = view_of(find_tensor(*s.files.of(model_part::text_encoder), "blocks.0.pos_embedding.embedding.weight"));
    auto ours = at::empty_like(c.input(key));
    for (std::int64_t q = 0; q < ours.size(2); ++q)
      for (std::int64_t k = 0; k < ours.size(3); ++k) ours[0].select(1, q).select(1, k).copy_(table[bucket(k - q)]);
    c.compare(key, ours);
  }
}

} // namespace

void compare_text(const parity_subject& s, comparison& c) {
  for (auto& group : c.groups())
    if (c.has(group + ".ids")) compare_rows(s.loaded.text, c, group);
  compare_buckets(s, c);
}

} // namespace reel::wan
