#include "src/reel-train/export.hpp"

#include <boost/json.hpp>
#include <fstream>

namespace reel::train {
namespace json = boost::json;
namespace fs = std::filesystem;
namespace {

template <class T> json::array list_of(const T& values) { return json::array(values.begin(), values.end()); }

json::object dit_of(const wan::dit_config& c) {
  return {{"model_type", "t2v"},
          {"patch_size", list_of(c.patch)},
          {"text_len", c.text_len},
          {"in_dim", c.in_dim},
          {"dim", c.dim},
          {"ffn_dim", c.ffn_dim},
          {"freq_dim", c.freq_dim},
          {"text_dim", c.text_dim},
          {"out_dim", c.out_dim},
          {"num_heads", c.heads},
          {"num_layers", c.layers},
          {"window_size", json::array{-1, -1}},
          {"qk_norm", true},
          {"cross_attn_norm", true},
          {"eps", c.eps}};
}

json::object text_of(const wan::text_config& c) {
  return {{"vocab_size", c.vocabulary},  {"dim", c.dim},
          {"dim_attn", c.attention_dim}, {"dim_ffn", c.ffn_dim},
          {"num_heads", c.heads},        {"num_layers", c.layers},
          {"num_buckets", c.buckets},    {"shared_pos", false},
          {"max_dist", c.distance_max},  {"eps", c.eps}};
}

json::object vae_of(const wan::vae_config& c) {
  json::array halves;
  for (bool h : c.halves_time) halves.emplace_back(h);
  return {{"dim", c.dim},
          {"z_dim", c.latent_channels},
          {"dim_mult", list_of(c.widths)},
          {"num_res_blocks", c.blocks_per_level},
          {"attn_scales", json::array{}},
          {"temperal_downsample", std::move(halves)}, // spelled so in the reference
          {"mean", list_of(c.mean)},
          {"std", list_of(c.deviation)}};
}

json::object pipeline_of(const trained_model& m) {
  auto& c = m.config;
  auto& d = m.how;
  return {{"vae_stride", json::array{c.vae.time_stride(), c.vae.space_stride(), c.vae.space_stride()}},
          {"num_train_timesteps", c.train_timesteps},
          {"boundary", c.boundary},
          {"sample_shift", d.flow_shift},
          {"sample_steps", d.steps},
          {"sample_guide_scale", json::array{d.guidance_low, d.guidance_high}},
          {"size_wh", json::array{d.width, d.height}},
          {"frame_num", d.frames},
          {"sample_fps", d.fps},
          {"negative_prompt", d.negative_prompt}};
}

/// Protocol Buffers' variable-length number; moves `at` behind it.
std::uint64_t number_at(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    auto byte = static_cast<unsigned char>(bytes[at++]);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  throw std::runtime_error{"it is no SentencePiece model"};
}

} // namespace

std::int64_t pieces_of(const fs::path& tokenizer) try {
  std::ifstream in{tokenizer, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  if (!in && bytes.empty()) throw std::runtime_error{"it cannot be read"};
  std::int64_t count = 0;
  constexpr std::uint64_t piece = 1 << 3 | 2; // sentencepiece_model.proto: repeated message, field 1; so are the others
  for (std::size_t at = 0; at < bytes.size();) {
    auto tag = number_at(bytes, at), length = number_at(bytes, at);
    if ((tag & 7) != 2 || length > bytes.size() - at) throw std::runtime_error{"it is no SentencePiece model"};
    count += tag == piece;
    at += length;
  }
  return count;
} catch (const std::runtime_error& e) {
  throw std::runtime_error{tokenizer.string() + ": " + e.what()};
}

void export_model(const fs::path& folder, const trained_model& m, const fs::path& tokenizer) {
  fs::create_directories(folder);
  save(folder / "text_encoder.safetensors", m.text, stored_as::bfloat16);
  auto is_one = m.high.begin()->second.is_same(m.low.begin()->second);
  std::string high = is_one ? "dit.safetensors" : "dit_high.safetensors", low = is_one ? high : "dit_low.safetensors";
  save(folder / high, m.high, stored_as::bfloat16);
  if (!is_one) save(folder / low, m.low, stored_as::bfloat16);
  save(folder / "vae.safetensors", m.vae, stored_as::float16);
  fs::copy_file(tokenizer, folder / "spiece.model", fs::copy_options::overwrite_existing);
  json::object all{
      {"name", m.name},
      {"weights",
       {{"text_encoder", "text_encoder.safetensors"},
        {"dit_high", high},
        {"dit_low", low},
        {"vae", "vae.safetensors"},
        {"tokenizer", "spiece.model"}}},
      {"dit", dit_of(m.config.dit)},
      {"text_encoder", text_of(m.config.text)},
      {"vae", vae_of(m.config.vae)},
      {"pipeline", pipeline_of(m)},
      {"tokenizer",
       {{"pad", 0}, {"eos", 1}, {"bos", 2}, {"unk", 3}, {"text_len", m.config.dit.text_len}, {"clean", "whitespace"}}}};
  std::ofstream out{folder / "config.json"};
  out << json::serialize(all) << '\n';
  out.close();
  if (!out) throw std::system_error{errno, std::generic_category(), (folder / "config.json").string()};
}

} // namespace reel::train
