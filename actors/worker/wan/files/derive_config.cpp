#include "actors/worker/wan/files/derive_config.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/config_section.hpp"
#include "actors/worker/wan/files/official.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {

/// A part's config.json; empty when it has none.
struct part_config {
  std::filesystem::path file;
  json::object values;

  explicit part_config(const part_files& p) : file{p.config} {
    if (!file.empty() && std::filesystem::exists(file)) values = read_json_object(file);
  }
  config_section section() const { return {file, values}; }
};

/// An extent of a tensor that must have that many dimensions.
std::int64_t extent(const tensor_map& tensors, const std::string& key, std::size_t dimensions, std::size_t which) {
  auto& t = find_tensor(tensors, key);
  if (t.shape.size() != dimensions)
    t.refuse("expected " + std::to_string(dimensions) + " dimensions, found shape " + shape_text(t.shape));
  if (t.shape[which] < 1) t.refuse("expected extents above zero, found shape " + shape_text(t.shape));
  return t.shape[which];
}

/// How many N there are in "PREFIX N ."; they must be 0 to the number less one.
std::int64_t count_blocks(const tensor_map& tensors, std::string_view prefix) {
  std::set<std::int64_t> numbers;
  for (auto t = tensors.lower_bound(prefix); t != tensors.end() && t->first.starts_with(prefix); ++t) {
    std::int64_t number = -1;
    auto begin = t->first.data() + prefix.size();
    std::from_chars(begin, t->first.data() + t->first.size(), number);
    if (number >= 0) numbers.insert(number);
  }
  auto count = static_cast<std::int64_t>(numbers.size());
  if (count == 0) find_tensor(tensors, std::string{prefix} + "0"); // refuses
  if (*numbers.rbegin() != count - 1)
    tensors.begin()->second.file->refuse(std::string{prefix} + "*: expected blocks 0 to " +
                                         std::to_string(*numbers.rbegin()) + ", found " + std::to_string(count));
  return count;
}

void require_if_there(const config_section& s, const char* key, const json::value& only) {
  if (s.has(key)) s.require(key, only);
}

} // namespace

dit_config derive_dit(const checkpoint_folder& folder, model_part expert, const tensor_map& tensors) {
  part_config config{folder.of(expert)};
  auto s = config.section();
  auto is_diffusers = s.has("num_attention_heads");
  dit_config c;
  c.dim = extent(tensors, "patch_embedding.weight", 5, 0);
  c.in_dim = extent(tensors, "patch_embedding.weight", 5, 1);
  for (std::size_t i = 0; i < 3; ++i) c.patch[i] = extent(tensors, "patch_embedding.weight", 5, 2 + i);
  c.text_dim = extent(tensors, "text_embedding.0.weight", 2, 1);
  c.freq_dim = extent(tensors, "time_embedding.0.weight", 2, 1);
  c.layers = count_blocks(tensors, "blocks.");
  c.ffn_dim = extent(tensors, "blocks.0.ffn.0.weight", 2, 0);
  c.out_dim = extent(tensors, "head.head.weight", 2, 0) / (c.patch[0] * c.patch[1] * c.patch[2]);
  c.text_len = folder.text_len;
  c.heads = s.count(is_diffusers ? "num_attention_heads" : "num_heads");
  c.eps = s.has("eps") ? s.number("eps", 0, 1) : official_config().dit.eps;

  s.agree("dim", c.dim, "patch_embedding.weight");
  s.agree(is_diffusers ? "in_channels" : "in_dim", c.in_dim, "patch_embedding.weight");
  s.agree(is_diffusers ? "out_channels" : "out_dim", c.out_dim, "head.head.weight");
  s.agree("text_dim", c.text_dim, "text_embedding.0.weight");
  s.agree("freq_dim", c.freq_dim, "time_embedding.0.weight");
  s.agree("ffn_dim", c.ffn_dim, "blocks.0.ffn.0.weight");
  s.agree("num_layers", c.layers, "blocks.*");
  require_if_there(s, "model_type", "t2v");
  require_if_there(s, "cross_attn_norm", true);
  require_if_there(s, "qk_norm", is_diffusers ? json::value("rms_norm_across_heads") : json::value(true));
  require_if_there(s, "window_size", {-1, -1});
  if (c.dim % c.heads || c.head_dim() % 2)
    s.bad(is_diffusers ? "num_attention_heads" : "num_heads",
          "a divisor of " + std::to_string(c.dim) + " that leaves an even number");
  if (is_diffusers) s.agree("attention_head_dim", c.head_dim(), "patch_embedding.weight");
  if (c.out_dim != c.in_dim)
    find_tensor(tensors, "head.head.weight")
        .refuse("expected " + std::to_string(c.in_dim) + " output channels, found " + std::to_string(c.out_dim));
  return c;
}

text_config derive_text(const checkpoint_folder& folder, const tensor_map& tensors) {
  part_config config{folder.of(model_part::text_encoder)};
  auto s = config.section();
  auto official = official_config().text;
  text_config c;
  c.vocabulary = extent(tensors, "token_embedding.weight", 2, 0);
  c.dim = extent(tensors, "token_embedding.weight", 2, 1);
  c.layers = count_blocks(tensors, "blocks.");
  c.attention_dim = extent(tensors, "blocks.0.attn.q.weight", 2, 0);
  c.ffn_dim = extent(tensors, "blocks.0.ffn.gate.0.weight", 2, 0);
  c.buckets = extent(tensors, "blocks.0.pos_embedding.embedding.weight", 2, 0);
  c.heads = extent(tensors, "blocks.0.pos_embedding.embedding.weight", 2, 1);
  c.distance_max =
      s.has("relative_attention_max_distance") ? s.count("relative_attention_max_distance") : official.distance_max;
  c.eps = s.has("layer_norm_epsilon") ? s.number("layer_norm_epsilon", 0, 1) : official.eps;
  if (c.attention_dim % c.heads)
    find_tensor(tensors, "blocks.0.attn.q.weight")
        .refuse("expected a multiple of " + std::to_string(c.heads) + " heads, found shape [" +
                std::to_string(c.attention_dim) + ", ..]");
  if (c.buckets < 4 || c.distance_max <= c.buckets / 4)
    find_tensor(tensors, "blocks.0.pos_embedding.embedding.weight")
        .refuse("expected 4 to " + std::to_string(4 * c.distance_max - 1) + " buckets, found " +
                std::to_string(c.buckets));
  return c;
}

namespace {

/// The decoder's row of blocks and upsamplings, taken apart into levels; coarsest first.
struct vae_levels {
  std::vector<std::int64_t> channels;
  std::vector<std::int64_t> blocks;
  std::vector<bool> doubles_time; ///< behind each level but the last
};

vae_levels read_levels(const tensor_map& tensors) {
  vae_levels out;
  auto n = count_blocks(tensors, "decoder.upsamples.");
  for (std::int64_t i = 0, blocks = 0; i < n; ++i) {
    auto name = "decoder.upsamples." + std::to_string(i) + '.';
    if (!tensors.contains(name + "resample.1.weight")) {
      auto channels = extent(tensors, name + "residual.2.weight", 5, 0);
      if (blocks++ == 0) out.channels.push_back(channels);
      if (i + 1 < n) continue;
    } else if (blocks > 0) {
      out.doubles_time.push_back(tensors.contains(name + "time_conv.weight"));
    }
    out.blocks.push_back(blocks);
    blocks = 0;
  }
  return out;
}

/// Mean and deviation of the latents: in diffusers' config.json; the released files do not have them.
void read_statistics(const config_section& s, vae_config& c, const tensor_map& tensors) {
  auto official = official_config().vae;
  if (s.has("latents_mean")) {
    c.mean = s.numbers("latents_mean");
    c.deviation = s.numbers("latents_std");
    auto channels = static_cast<std::size_t>(c.latent_channels);
    if (c.mean.size() != channels || c.deviation.size() != channels)
      s.bad("latents_mean", "with latents_std, " + std::to_string(channels) + " numbers");
  } else if (c.latent_channels == official.latent_channels) {
    c.mean = official.mean;
    c.deviation = official.deviation;
  } else {
    find_tensor(tensors, "conv2.weight")
        .refuse("a latent of " + std::to_string(c.latent_channels) + " channels has statistics that are not in the " +
                "checkpoint; known are those of " + std::to_string(official.latent_channels));
  }
}

} // namespace

vae_config derive_vae(const checkpoint_folder& folder, const tensor_map& tensors) {
  part_config config{folder.of(model_part::vae)};
  auto s = config.section();
  auto levels = read_levels(tensors);
  vae_config c;
  c.latent_channels = extent(tensors, "conv2.weight", 5, 0);
  c.dim = tensors.contains("encoder.conv1.weight") ? extent(tensors, "encoder.conv1.weight", 5, 0)
                                                   : extent(tensors, "decoder.head.0.gamma", 4, 0);
  c.blocks_per_level = levels.blocks.front() - 1;
  auto where = find_tensor(tensors, "conv2.weight").file;
  if (c.blocks_per_level < 1 || std::ranges::any_of(levels.blocks, [&](auto b) { return b != levels.blocks[0]; }) ||
      levels.doubles_time.size() + 1 != levels.channels.size() || levels.channels.size() > 8)
    where->refuse("decoder.upsamples.*: expected levels of two or more blocks each with an upsampling between them");
  for (auto channels : levels.channels) {
    if (channels % c.dim)
      where->refuse("decoder.upsamples.*: expected multiples of " + std::to_string(c.dim) + " channels, found " +
                    std::to_string(channels));
    c.widths.insert(c.widths.begin(), channels / c.dim);
  }
  c.halves_time.assign(levels.doubles_time.rbegin(), levels.doubles_time.rend());
  read_statistics(s, c, tensors);
  s.agree("z_dim", c.latent_channels, "conv2.weight");
  s.agree("base_dim", c.dim, "encoder.conv1.weight");
  s.agree("num_res_blocks", c.blocks_per_level, "decoder.upsamples.*");
  require_if_there(s, "attn_scales", json::array{});
  require_if_there(s, "is_residual", false);
  return c;
}

double boundary_of(const checkpoint_folder& folder) {
  auto otherwise = official_config().boundary;
  if (folder.config.empty()) return otherwise;
  auto all = read_json_object(folder.config);
  config_section s{folder.config, all};
  return s.has("boundary_ratio") ? s.number("boundary_ratio", 0, 1) : otherwise;
}

} // namespace reel::wan
