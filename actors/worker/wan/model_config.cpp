#include "actors/worker/wan/model_config.hpp"

#include <algorithm>

#include "actors/worker/wan/files/config_section.hpp"
#include "actors/worker/wan/files/official.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {

dit_config read_dit(const config_section& s) {
  s.require("model_type", "t2v");
  s.require("qk_norm", true);
  s.require("cross_attn_norm", true);
  s.require("window_size", {-1, -1});
  dit_config c;
  auto patch = s.counts("patch_size");
  if (patch.size() != 3) s.bad("patch_size", "a list of three");
  std::ranges::copy(patch, c.patch.begin());
  c.text_len = s.count("text_len");
  c.text_dim = s.count("text_dim");
  c.in_dim = s.count("in_dim");
  c.out_dim = s.count("out_dim");
  c.dim = s.count("dim");
  c.ffn_dim = s.count("ffn_dim");
  c.freq_dim = s.count("freq_dim");
  c.heads = s.count("num_heads");
  c.layers = s.count("num_layers");
  c.eps = s.number("eps", 0, 1);
  if (c.dim % c.heads || c.head_dim() % 2) s.bad("dim", "num_heads times an even number");
  if (c.freq_dim % 2) s.bad("freq_dim", "an even number");
  if (c.out_dim != c.in_dim) s.bad("out_dim", "in_dim", errc::unsupported);
  return c;
}

text_config read_text(const config_section& s) {
  s.require("shared_pos", false);
  text_config c;
  c.vocabulary = s.count("vocab_size");
  c.dim = s.count("dim");
  c.attention_dim = s.count("dim_attn");
  c.ffn_dim = s.count("dim_ffn");
  c.heads = s.count("num_heads");
  c.layers = s.count("num_layers");
  c.buckets = s.count("num_buckets", 4);
  c.distance_max = s.count("max_dist");
  c.eps = s.number("eps", 0, 1);
  if (c.attention_dim % c.heads) s.bad("dim_attn", "a multiple of num_heads");
  if (c.distance_max <= c.buckets / 4) s.bad("max_dist", "more than a quarter of num_buckets");
  return c;
}

vae_config read_vae(const config_section& s) {
  s.require("attn_scales", json::array{});
  vae_config c;
  c.dim = s.count("dim");
  c.latent_channels = s.count("z_dim");
  c.blocks_per_level = s.count("num_res_blocks");
  c.widths = s.counts("dim_mult");
  c.halves_time = s.flags("temperal_downsample"); // spelled so in the reference
  c.mean = s.numbers("mean");
  c.deviation = s.numbers("std");
  if (c.widths.empty() || c.widths.size() > 8) s.bad("dim_mult", "a list of 1 to 8");
  if (c.halves_time.size() != c.widths.size() - 1) s.bad("temperal_downsample", "one less than dim_mult");
  auto channels = static_cast<std::size_t>(c.latent_channels);
  if (c.mean.size() != channels || c.deviation.size() != channels) s.bad("mean", "with std, z_dim numbers");
  return c;
}

} // namespace

std::int64_t vae_config::time_stride() const { return std::int64_t{1} << std::ranges::count(halves_time, true); }

model_config read_model_config(const std::filesystem::path& file) {
  auto all = read_json_object(file);
  config_section dit{file, all, "dit"}, text{file, all, "text_encoder"}, vae{file, all, "vae"},
      pipeline{file, all, "pipeline"};
  model_config c;
  c.dit = read_dit(dit);
  c.text = read_text(text);
  c.vae = read_vae(vae);
  c.train_timesteps = pipeline.count("num_train_timesteps", 2);
  c.boundary = pipeline.number("boundary", 0, 1);
  std::vector<std::int64_t> stride{c.vae.time_stride(), c.vae.space_stride(), c.vae.space_stride()};
  if (pipeline.counts("vae_stride") != stride)
    pipeline.bad("vae_stride", json::serialize(json::value_from(stride)) + " (from the vae section)");
  if (c.dit.in_dim != c.vae.latent_channels) dit.bad("in_dim", "vae.z_dim");
  if (c.dit.text_dim != c.text.dim) dit.bad("text_dim", "text_encoder.dim");
  return c;
}

generation_defaults read_generation_defaults(const std::filesystem::path& file) {
  auto all = read_json_object(file);
  config_section s{file, all, "pipeline"};
  auto d = official_defaults();
  auto take = [&s](const char* key, std::int32_t& to) {
    if (s.has(key)) to = static_cast<std::int32_t>(s.count(key));
  };
  take("frame_num", d.frames);
  take("sample_fps", d.fps);
  take("sample_steps", d.steps);
  if (s.has("sample_shift")) d.flow_shift = static_cast<float>(s.number("sample_shift", 0, 1000));
  if (s.has("negative_prompt")) d.negative_prompt = s.text("negative_prompt");
  if (s.has("size_wh")) {
    auto size = s.counts("size_wh");
    if (size.size() != 2) s.bad("size_wh", "a list of two");
    d.width = static_cast<std::int32_t>(size[0]);
    d.height = static_cast<std::int32_t>(size[1]);
  }
  if (s.has("sample_guide_scale")) {
    auto scale = s.number_or_numbers("sample_guide_scale");
    if (scale.size() > 2) s.bad("sample_guide_scale", "a number, or two");
    d.guidance_low = static_cast<float>(scale.front());
    d.guidance_high = static_cast<float>(scale.back());
  }
  return d;
}

} // namespace reel::wan
