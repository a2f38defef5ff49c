#include "actors/worker/wan/files/key_names.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

namespace reel::wan {
namespace {

using rename = std::pair<std::string_view, std::string_view>; ///< a beginning in diffusers, and here

/// The first rule whose left side begins the name replaces it.
std::optional<std::string> renamed(std::string_view name, std::span<const rename> rules) {
  for (auto& [from, to] : rules)
    if (name.starts_with(from)) return std::string{to} + std::string{name.substr(from.size())};
  return std::nullopt;
}

/// "N.rest" -> N, and `text` becomes "rest".
std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t number = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  auto digits = static_cast<std::size_t>(end - text.data());
  if (bad != std::errc{} || digits == text.size() || text[digits] != '.') return std::nullopt;
  text.remove_prefix(digits + 1);
  return number;
}

/// "prefix" N ".rest" with the rest renamed.
std::optional<std::string> renamed_in_block(std::string_view name, std::string_view prefix, std::string_view new_prefix,
                                            std::span<const rename> rules) {
  if (!name.starts_with(prefix)) return std::nullopt;
  auto rest = name.substr(prefix.size());
  auto number = take_number(rest);
  if (!number) return std::nullopt;
  auto inner = renamed(rest, rules);
  if (!inner) return std::nullopt;
  return std::string{new_prefix} + std::to_string(*number) + '.' + *inner;
}

std::optional<std::string> dit_name(std::string_view name) {
  static constexpr rename top[] = {{"condition_embedder.text_embedder.linear_1.", "text_embedding.0."},
                                   {"condition_embedder.text_embedder.linear_2.", "text_embedding.2."},
                                   {"condition_embedder.time_embedder.linear_1.", "time_embedding.0."},
                                   {"condition_embedder.time_embedder.linear_2.", "time_embedding.2."},
                                   {"condition_embedder.time_proj.", "time_projection.1."},
                                   {"scale_shift_table", "head.modulation"},
                                   {"proj_out.", "head.head."}};
  static constexpr rename block[] = {
      {"scale_shift_table", "modulation"}, {"attn1.to_q.", "self_attn.q."},
      {"attn1.to_k.", "self_attn.k."},     {"attn1.to_v.", "self_attn.v."},
      {"attn1.to_out.0.", "self_attn.o."}, {"attn1.norm_", "self_attn.norm_"},
      {"attn2.to_q.", "cross_attn.q."},    {"attn2.to_k.", "cross_attn.k."},
      {"attn2.to_v.", "cross_attn.v."},    {"attn2.to_out.0.", "cross_attn.o."},
      {"attn2.norm_", "cross_attn.norm_"}, {"norm2.", "norm3."}, // diffusers numbers the norms in another order
      {"ffn.net.0.proj.", "ffn.0."},       {"ffn.net.2.", "ffn.2."}};
  auto found = renamed(name, top);
  return found ? found : renamed_in_block(name, "blocks.", "blocks.", block);
}

std::optional<std::string> text_name(std::string_view name) {
  static constexpr rename top[] = {{"shared.weight", "token_embedding.weight"},
                                   {"encoder.embed_tokens.weight", "token_embedding.weight"}, // the same tensor again
                                   {"encoder.final_layer_norm.", "norm."}};
  static constexpr rename block[] = {{"layer.0.layer_norm.", "norm1."},
                                     {"layer.0.SelfAttention.relative_attention_bias.", "pos_embedding.embedding."},
                                     {"layer.0.SelfAttention.", "attn."},
                                     {"layer.1.layer_norm.", "norm2."},
                                     {"layer.1.DenseReluDense.wi_0.", "ffn.gate.0."},
                                     {"layer.1.DenseReluDense.wi_1.", "ffn.fc1."},
                                     {"layer.1.DenseReluDense.wo.", "ffn.fc2."}};
  auto found = renamed(name, top);
  return found ? found : renamed_in_block(name, "encoder.block.", "blocks.", block);
}

constexpr rename residual_names[] = {{"norm1.", "residual.0."},
                                     {"conv1.", "residual.2."},
                                     {"norm2.", "residual.3."},
                                     {"conv2.", "residual.6."},
                                     {"conv_shortcut.", "shortcut."}};
constexpr rename level_names[] = {
    {"norm1.", "residual.0."},       {"conv1.", "residual.2."},  {"norm2.", "residual.3."},   {"conv2.", "residual.6."},
    {"conv_shortcut.", "shortcut."}, {"resample.", "resample."}, {"time_conv.", "time_conv."}};

/// What encoder and decoder have alike, without "encoder." or "decoder.".
std::optional<std::string> coder_name(std::string_view name) {
  static constexpr rename top[] = {{"conv_in.", "conv1."},
                                   {"norm_out.", "head.0."},
                                   {"conv_out.", "head.2."},
                                   {"mid_block.attentions.0.", "middle.1."}};
  if (auto found = renamed(name, top)) return found;
  auto prefix = std::string_view{"mid_block.resnets."};
  if (!name.starts_with(prefix)) return std::nullopt;
  auto rest = name.substr(prefix.size());
  auto number = take_number(rest);
  auto inner = renamed(rest, residual_names);
  if (!number || !inner) return std::nullopt;
  return "middle." + std::to_string(2 * *number) + '.' + *inner; // the attention stands between the two
}

/// diffusers counts the decoder's blocks per level, the reference all in one row.
std::optional<std::string> up_name(std::string_view name, std::size_t level_stride) {
  constexpr std::string_view prefix = "up_blocks.";
  if (!name.starts_with(prefix)) return std::nullopt;
  auto rest = name.substr(prefix.size());
  auto level = take_number(rest);
  if (!level) return std::nullopt;
  auto row = *level * level_stride;
  if (rest.starts_with("resnets.")) {
    rest.remove_prefix(8);
    auto number = take_number(rest);
    auto inner = renamed(rest, residual_names);
    if (!number || !inner) return std::nullopt;
    return "upsamples." + std::to_string(row + *number) + '.' + *inner;
  }
  if (!rest.starts_with("upsamplers.0.")) return std::nullopt;
  return "upsamples." + std::to_string(row + level_stride - 1) + '.' + std::string{rest.substr(13)};
}

std::optional<std::string> vae_name(std::string_view name, std::size_t level_stride) {
  static constexpr rename top[] = {{"quant_conv.", "conv1."}, {"post_quant_conv.", "conv2."}};
  if (auto found = renamed(name, top)) return found;
  for (std::string_view side : {"encoder.", "decoder."}) {
    if (!name.starts_with(side)) continue;
    auto rest = name.substr(side.size());
    auto found = coder_name(rest);
    if (!found) found = renamed_in_block(rest, "down_blocks.", "downsamples.", level_names);
    if (!found) found = up_name(rest, level_stride);
    if (found) return std::string{side} + *found;
  }
  return std::nullopt;
}

/// Residual blocks of a level, and the upsampling behind them.
std::size_t level_stride_of(const tensor_map& tensors) {
  std::size_t blocks = 0;
  for (auto& t : tensors) {
    std::string_view rest = t.first;
    constexpr std::string_view prefix = "decoder.up_blocks.0.resnets.";
    if (!rest.starts_with(prefix)) continue;
    rest.remove_prefix(prefix.size());
    if (auto number = take_number(rest)) blocks = std::max(blocks, *number + 1);
  }
  return blocks + 1;
}

} // namespace

std::string_view to_string(model_part p) {
  switch (p) {
  case model_part::text_encoder: return "text encoder";
  case model_part::high_noise: return "high-noise expert";
  case model_part::low_noise: return "low-noise expert";
  case model_part::vae: return "VAE";
  }
  return "?";
}

bool has_diffusers_names(model_part part, const tensor_map& tensors) {
  std::string_view sign = part == model_part::vae            ? "decoder.mid_block."
                          : part == model_part::text_encoder ? "encoder.block."
                                                             : "condition_embedder.";
  auto at = tensors.lower_bound(sign);
  return at != tensors.end() && at->first.starts_with(sign);
}

tensor_map with_original_names(model_part part, tensor_map tensors) {
  if (!has_diffusers_names(part, tensors)) return tensors;
  auto stride = level_stride_of(tensors);
  tensor_map out;
  for (auto& [name, tensor] : tensors) {
    auto original = part == model_part::vae            ? vae_name(name, stride)
                    : part == model_part::text_encoder ? text_name(name)
                                                       : dit_name(name);
    out.emplace(original.value_or(name), tensor);
  }
  return out;
}

} // namespace reel::wan
