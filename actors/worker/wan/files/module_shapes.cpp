#include "actors/worker/wan/files/module_shapes.hpp"

namespace reel::wan {
namespace {

using shape = std::vector<std::int64_t>;

void add_linear(shape_map& to, const std::string& name, std::int64_t in, std::int64_t out, bool with_bias = true) {
  to[name + ".weight"] = {out, in};
  if (with_bias) to[name + ".bias"] = {out};
}

void add_conv(shape_map& to, const std::string& name, std::int64_t in, std::int64_t out, const shape& kernel) {
  shape weight{out, in};
  weight.insert(weight.end(), kernel.begin(), kernel.end());
  to[name + ".weight"] = weight;
  to[name + ".bias"] = {out};
}

const shape whole{1, 1, 1}, cube{3, 3, 3}, square{3, 3}, pixel{1, 1}, time_line{3, 1, 1};

void add_residual(shape_map& to, const std::string& name, std::int64_t in, std::int64_t out) {
  to[name + "residual.0.gamma"] = {in, 1, 1, 1};
  add_conv(to, name + "residual.2", in, out, cube);
  to[name + "residual.3.gamma"] = {out, 1, 1, 1};
  add_conv(to, name + "residual.6", out, out, cube);
  if (in != out) add_conv(to, name + "shortcut", in, out, whole);
}

/// What stands in the middle and at the outer end of encoder and decoder.
void add_middle_and_head(shape_map& to, const std::string& side, std::int64_t middle, std::int64_t in,
                         std::int64_t out) {
  add_residual(to, side + "middle.0.", middle, middle);
  to[side + "middle.1.norm.gamma"] = {middle, 1, 1};
  add_conv(to, side + "middle.1.to_qkv", middle, 3 * middle, pixel);
  add_conv(to, side + "middle.1.proj", middle, middle, pixel);
  add_residual(to, side + "middle.2.", middle, middle);
  to[side + "head.0.gamma"] = {in, 1, 1, 1};
  add_conv(to, side + "head.2", in, out, cube);
}

void add_encoder(shape_map& to, const vae_config& c) {
  add_conv(to, "encoder.conv1", 3, c.dim, cube);
  std::size_t index = 0;
  auto name = [&index] { return "encoder.downsamples." + std::to_string(index++) + '.'; };
  auto channels = c.dim;
  for (std::size_t level = 0; level < c.widths.size(); ++level) {
    auto out = c.dim * c.widths[level];
    for (std::int64_t b = 0; b < c.blocks_per_level; ++b, channels = out) add_residual(to, name(), channels, out);
    if (level + 1 == c.widths.size()) break;
    auto prefix = name();
    add_conv(to, prefix + "resample.1", out, out, square);
    if (c.halves_time[level]) add_conv(to, prefix + "time_conv", out, out, time_line);
  }
  add_middle_and_head(to, "encoder.", channels, channels, 2 * c.latent_channels);
  add_conv(to, "conv1", 2 * c.latent_channels, 2 * c.latent_channels, whole);
}

void add_decoder(shape_map& to, const vae_config& c) {
  add_conv(to, "conv2", c.latent_channels, c.latent_channels, whole);
  auto channels = c.dim * c.widths.back();
  add_conv(to, "decoder.conv1", c.latent_channels, channels, cube);
  add_middle_and_head(to, "decoder.", channels, c.dim * c.widths.front(), 3);
  std::size_t index = 0;
  auto name = [&index] { return "decoder.upsamples." + std::to_string(index++) + '.'; };
  for (auto level = c.widths.size(); level-- > 0;) {
    auto out = c.dim * c.widths[level];
    for (std::int64_t b = 0; b <= c.blocks_per_level; ++b, channels = out) add_residual(to, name(), channels, out);
    if (level == 0) break;
    auto prefix = name();
    channels = out / 2;
    add_conv(to, prefix + "resample.1", out, channels, square);
    if (c.halves_time[level - 1]) add_conv(to, prefix + "time_conv", out, 2 * out, time_line);
  }
}

} // namespace

shape_map dit_shapes(const dit_config& c) {
  shape_map to;
  auto volume = c.patch[0] * c.patch[1] * c.patch[2];
  add_conv(to, "patch_embedding", c.in_dim, c.dim, {c.patch.begin(), c.patch.end()});
  add_linear(to, "text_embedding.0", c.text_dim, c.dim);
  add_linear(to, "text_embedding.2", c.dim, c.dim);
  add_linear(to, "time_embedding.0", c.freq_dim, c.dim);
  add_linear(to, "time_embedding.2", c.dim, c.dim);
  add_linear(to, "time_projection.1", c.dim, 6 * c.dim);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    auto block = "blocks." + std::to_string(i) + '.';
    to[block + "modulation"] = {1, 6, c.dim};
    for (std::string attention : {"self_attn.", "cross_attn."}) {
      for (auto part : {"q", "k", "v", "o"}) add_linear(to, block + attention + part, c.dim, c.dim);
      for (auto part : {"norm_q.weight", "norm_k.weight"}) to[block + attention + part] = {c.dim};
    }
    to[block + "norm3.weight"] = to[block + "norm3.bias"] = {c.dim};
    add_linear(to, block + "ffn.0", c.dim, c.ffn_dim);
    add_linear(to, block + "ffn.2", c.ffn_dim, c.dim);
  }
  to["head.modulation"] = {1, 2, c.dim};
  add_linear(to, "head.head", c.dim, volume * c.out_dim);
  return to;
}

shape_map text_shapes(const text_config& c) {
  shape_map to;
  to["token_embedding.weight"] = {c.vocabulary, c.dim};
  for (std::int64_t i = 0; i < c.layers; ++i) {
    auto block = "blocks." + std::to_string(i) + '.';
    to[block + "norm1.weight"] = to[block + "norm2.weight"] = {c.dim};
    for (auto part : {"attn.q", "attn.k", "attn.v"}) add_linear(to, block + part, c.dim, c.attention_dim, false);
    add_linear(to, block + "attn.o", c.attention_dim, c.dim, false);
    for (auto part : {"ffn.gate.0", "ffn.fc1"}) add_linear(to, block + part, c.dim, c.ffn_dim, false);
    add_linear(to, block + "ffn.fc2", c.ffn_dim, c.dim, false);
    to[block + "pos_embedding.embedding.weight"] = {c.buckets, c.heads};
  }
  to["norm.weight"] = {c.dim};
  return to;
}

shape_map vae_shapes(const vae_config& c) {
  shape_map to;
  add_encoder(to, c);
  add_decoder(to, c);
  return to;
}

shape_map shapes_of(model_part part, const model_config& c) {
  switch (part) {
  case model_part::text_encoder: return text_shapes(c.text);
  case model_part::high_noise:
  case model_part::low_noise: return dit_shapes(c.dit);
  case model_part::vae: return vae_shapes(c.vae);
  }
  return {};
}

} // namespace reel::wan
