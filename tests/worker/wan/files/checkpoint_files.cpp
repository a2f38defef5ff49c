#include "tests/worker/wan/files/checkpoint_files.hpp"

#include <boost/json.hpp>
#include <fstream>
#include <regex>
#include <sstream>

#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/files/official.hpp"

namespace reel::wan::testing {

namespace fs = std::filesystem;
namespace json = boost::json;

fs::path released_folder() { return fs::path{REEL_SOURCE_DIR} / "tests/data/wan-checkpoint"; }

std::string text_of(const fs::path& file) {
  std::stringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

void write_text(const fs::path& file, const std::string& text) { std::ofstream{file, std::ios::binary} << text; }

void write_safetensors(const fs::path& file, const tensor_map& tensors) {
  json::object header;
  std::string data;
  for (auto& [key, t] : tensors) {
    auto begin = data.size();
    data.append(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
    header[key] = {
        {"dtype", to_string(t.type)}, {"shape", json::value_from(t.shape)}, {"data_offsets", {begin, data.size()}}};
  }
  auto text = json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(text.size() >> 8 * i);
  write_text(file, length + text + data);
}

void write_shards(const fs::path& folder, const std::string& name, const tensor_map& tensors, std::size_t n) {
  fs::create_directories(folder);
  std::vector<tensor_map> shards(n);
  json::object weight_map;
  std::size_t next = 0, bytes = 0;
  auto file_of = [&](std::size_t i) {
    return name + "-0000" + std::to_string(i + 1) + "-of-0000" + std::to_string(n) + ".safetensors";
  };
  for (auto& [key, t] : tensors) {
    auto shard = next++ % n;
    shards[shard].emplace(key, t);
    weight_map[key] = file_of(shard);
    bytes += t.bytes.size();
  }
  for (std::size_t i = 0; i < n; ++i) write_safetensors(folder / file_of(i), shards[i]);
  write_text(folder / (name + ".safetensors.index.json"),
             json::serialize(json::object{{"metadata", {{"total_size", bytes}}}, {"weight_map", weight_map}}));
}

namespace {

struct rename {
  const char* original;
  const char* diffusers;
};

// Specification sections 2.1 to 2.3, read from left to right.
const std::vector<rename>& renames(model_part part) {
  static const std::vector<rename> dit{{"text_embedding\\.0\\.(.*)", "condition_embedder.text_embedder.linear_1.$1"},
                                       {"text_embedding\\.2\\.(.*)", "condition_embedder.text_embedder.linear_2.$1"},
                                       {"time_embedding\\.0\\.(.*)", "condition_embedder.time_embedder.linear_1.$1"},
                                       {"time_embedding\\.2\\.(.*)", "condition_embedder.time_embedder.linear_2.$1"},
                                       {"time_projection\\.1\\.(.*)", "condition_embedder.time_proj.$1"},
                                       {"blocks\\.(\\d+)\\.modulation", "blocks.$1.scale_shift_table"},
                                       {"(.*)\\.self_attn\\.([qkv])\\.(.*)", "$1.attn1.to_$2.$3"},
                                       {"(.*)\\.self_attn\\.o\\.(.*)", "$1.attn1.to_out.0.$2"},
                                       {"(.*)\\.self_attn\\.(norm_.*)", "$1.attn1.$2"},
                                       {"(.*)\\.cross_attn\\.([qkv])\\.(.*)", "$1.attn2.to_$2.$3"},
                                       {"(.*)\\.cross_attn\\.o\\.(.*)", "$1.attn2.to_out.0.$2"},
                                       {"(.*)\\.cross_attn\\.(norm_.*)", "$1.attn2.$2"},
                                       {"(.*)\\.norm3\\.(.*)", "$1.norm2.$2"},
                                       {"(.*)\\.ffn\\.0\\.(.*)", "$1.ffn.net.0.proj.$2"},
                                       {"(.*)\\.ffn\\.2\\.(.*)", "$1.ffn.net.2.$2"},
                                       {"head\\.modulation", "scale_shift_table"},
                                       {"head\\.head\\.(.*)", "proj_out.$1"}};
  static const std::vector<rename> text{
      {"token_embedding\\.weight", "shared.weight"},
      {"blocks\\.(\\d+)\\.norm1\\.weight", "encoder.block.$1.layer.0.layer_norm.weight"},
      {"blocks\\.(\\d+)\\.attn\\.(.)\\.weight", "encoder.block.$1.layer.0.SelfAttention.$2.weight"},
      {"blocks\\.(\\d+)\\.pos_embedding\\.embedding\\.weight",
       "encoder.block.$1.layer.0.SelfAttention.relative_attention_bias.weight"},
      {"blocks\\.(\\d+)\\.norm2\\.weight", "encoder.block.$1.layer.1.layer_norm.weight"},
      {"blocks\\.(\\d+)\\.ffn\\.gate\\.0\\.weight", "encoder.block.$1.layer.1.DenseReluDense.wi_0.weight"},
      {"blocks\\.(\\d+)\\.ffn\\.fc1\\.weight", "encoder.block.$1.layer.1.DenseReluDense.wi_1.weight"},
      {"blocks\\.(\\d+)\\.ffn\\.fc2\\.weight", "encoder.block.$1.layer.1.DenseReluDense.wo.weight"},
      {"norm\\.weight", "encoder.final_layer_norm.weight"}};
  static const std::vector<rename> vae{{"conv1\\.(.*)", "quant_conv.$1"},
                                       {"conv2\\.(.*)", "post_quant_conv.$1"},
                                       {"(encoder|decoder)\\.conv1\\.(.*)", "$1.conv_in.$2"},
                                       {"(.*)\\.head\\.0\\.gamma", "$1.norm_out.gamma"},
                                       {"(.*)\\.head\\.2\\.(.*)", "$1.conv_out.$2"},
                                       {"(.*)\\.middle\\.0\\.(.*)", "$1.mid_block.resnets.0.$2"},
                                       {"(.*)\\.middle\\.2\\.(.*)", "$1.mid_block.resnets.1.$2"},
                                       {"(.*)\\.middle\\.1\\.(.*)", "$1.mid_block.attentions.0.$2"},
                                       {"encoder\\.downsamples\\.(.*)", "encoder.down_blocks.$1"},
                                       {"(.*)\\.residual\\.0\\.gamma", "$1.norm1.gamma"},
                                       {"(.*)\\.residual\\.2\\.(.*)", "$1.conv1.$2"},
                                       {"(.*)\\.residual\\.3\\.gamma", "$1.norm2.gamma"},
                                       {"(.*)\\.residual\\.6\\.(.*)", "$1.conv2.$2"},
                                       {"(.*)\\.shortcut\\.(.*)", "$1.conv_shortcut.$2"}};
  return part == model_part::vae ? vae : part == model_part::text_encoder ? text : dit;
}

/// decoder.upsamples 0-2, 4-6, 8-10, 12-14 -> up_blocks.{0..3}.resnets.{0..2}; 3, 7, 11 ->
/// up_blocks.{0..2}.upsamplers.0
std::string up_block_name(const std::string& name) {
  static const std::regex upsample{"decoder\\.upsamples\\.(\\d+)\\.(.*)"};
  std::smatch m;
  if (!std::regex_match(name, m, upsample)) return name;
  auto row = std::stoi(m[1]), level = row / 4, place = row % 4;
  auto inside = place == 3 ? std::string{"upsamplers.0"} : "resnets." + std::to_string(place);
  return "decoder.up_blocks." + std::to_string(level) + '.' + inside + '.' + m[2].str();
}

} // namespace

tensor_map diffusers_named(model_part part, const tensor_map& tensors) {
  tensor_map out;
  for (auto& [key, t] : tensors) {
    auto name = key;
    for (auto& [original, diffusers] : renames(part)) {
      std::regex from{original};
      if (std::regex_match(name, from)) name = std::regex_replace(name, from, diffusers);
    }
    out.emplace(part == model_part::vae ? up_block_name(name) : name, t);
  }
  return out;
}

void write_diffusers_checkpoint(const fs::path& folder) {
  auto from = open_checkpoint(released_folder());
  auto named = [&from](model_part p) { return diffusers_named(p, *from.of(p)); };
  write_shards(folder / "transformer", "diffusion_pytorch_model", named(model_part::high_noise), 2);
  write_shards(folder / "transformer_2", "diffusion_pytorch_model", named(model_part::low_noise), 1);
  fs::create_directories(folder / "text_encoder");
  fs::create_directories(folder / "vae");
  fs::create_directories(folder / "tokenizer");
  write_safetensors(folder / "text_encoder/model.safetensors", named(model_part::text_encoder));
  write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors", named(model_part::vae));
  fs::copy(from.folder.tokenizer, folder / "tokenizer/spiece.model");
  auto expert = R"({"_class_name": "WanTransformer3DModel", "attention_head_dim": 16, "num_attention_heads": 2,
    "cross_attn_norm": true, "eps": 1e-06, "ffn_dim": 48, "freq_dim": 16, "in_channels": 16, "out_channels": 16,
    "num_layers": 2, "patch_size": [1, 2, 2], "qk_norm": "rms_norm_across_heads", "text_dim": 24,
    "rope_max_seq_len": 1024, "image_dim": null, "added_kv_proj_dim": null})";
  write_text(folder / "transformer/config.json", expert);
  write_text(folder / "transformer_2/config.json", expert);
  auto statistics = official_config().vae;
  write_text(folder / "vae/config.json",
             json::serialize(json::object{{"_class_name", "AutoencoderKLWan"},
                                          {"base_dim", 2},
                                          {"z_dim", 16},
                                          {"dim_mult", {1, 2, 4, 4}},
                                          {"num_res_blocks", 2},
                                          {"attn_scales", json::array{}},
                                          {"temperal_downsample", {false, true, true}},
                                          {"latents_mean", json::value_from(statistics.mean)},
                                          {"latents_std", json::value_from(statistics.deviation)}}));
  write_text(folder / "text_encoder/config.json",
             R"({"_name_or_path": "umt5", "d_model": 24, "relative_attention_max_distance": 128,
                 "layer_norm_epsilon": 1e-06})");
  write_text(folder / "model_index.json", R"({"_class_name": "WanPipeline", "boundary_ratio": 0.875})");
}

} // namespace reel::wan::testing
