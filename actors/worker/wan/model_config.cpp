#include "actors/worker/wan/model_config.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <limits>
#include <sstream>

#include "actors/worker/renderer.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {

constexpr std::uintmax_t config_bytes_max = 1u << 20;
constexpr std::int64_t size_max = 1 << 20; // no width, count or length of a transformer comes near

/// One section of the file; every complaint names file, section and key.
class section {
public:
  section(const std::filesystem::path& file, const json::object& all, const char* name) : file_{file}, name_{name} {
    auto found = all.if_contains(name);
    if (!found || !found->is_object())
      throw render_error{errc::corrupt, file.string() + ": expected a section \"" + name + "\""};
    values_ = &found->get_object();
  }

  std::int64_t count(const char* key, std::int64_t least = 1) const { return as_count(key, value(key), least); }

  std::vector<std::int64_t> counts(const char* key) const {
    std::vector<std::int64_t> out;
    for (auto& v : list(key)) out.push_back(as_count(key, v, 1));
    return out;
  }

  double number(const char* key, double least, double most) const {
    auto& v = value(key);
    auto n = v.is_number() ? v.to_number<double>() : std::numeric_limits<double>::quiet_NaN();
    if (!(n >= least && n <= most)) bad(key, "a number from " + std::to_string(least) + " to " + std::to_string(most));
    return n;
  }

  std::vector<double> numbers(const char* key) const {
    std::vector<double> out;
    for (auto& v : list(key)) {
      if (!v.is_number()) bad(key, "numbers");
      out.push_back(v.to_number<double>());
    }
    return out;
  }

  std::vector<bool> flags(const char* key) const {
    std::vector<bool> out;
    for (auto& v : list(key)) {
      if (!v.is_bool()) bad(key, "true and false");
      out.push_back(v.get_bool());
    }
    return out;
  }

  std::string text(const char* key) const {
    auto& v = value(key);
    if (!v.is_string() || v.get_string().empty()) bad(key, "a text");
    return std::string{v.get_string()};
  }

  /// For what the reference can switch and this code knows in one position only.
  void require(const char* key, const json::value& only) const {
    auto& v = value(key);
    if (v != only) bad(key, json::serialize(only), errc::unsupported);
  }

  [[noreturn]] void bad(const char* key, const std::string& allowed, errc code = errc::corrupt) const {
    auto found = values_->if_contains(key);
    throw render_error{code, file_.string() + ": " + name_ + '.' + key + ": " + allowed + " is allowed, found " +
                                 (found ? json::serialize(*found) : "nothing")};
  }

private:
  const json::value& value(const char* key) const {
    auto found = values_->if_contains(key);
    if (!found) bad(key, "a value");
    return *found;
  }

  const json::array& list(const char* key) const {
    auto& v = value(key);
    if (!v.is_array()) bad(key, "a list");
    return v.get_array();
  }

  std::int64_t as_count(const char* key, const json::value& v, std::int64_t least) const {
    if (!v.is_int64() || v.get_int64() < least || v.get_int64() > size_max)
      bad(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(size_max));
    return v.get_int64();
  }

  std::filesystem::path file_;
  std::string name_;
  const json::object* values_;
};

json::object read_json(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw render_error{errc::not_found, file.string() + ": cannot be opened"};
  std::string text(config_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (text.size() > config_bytes_max || error || !value.is_object())
    throw render_error{errc::corrupt, file.string() + ": expected a JSON object of at most 1 MiB"};
  return std::move(value.get_object());
}

dit_config read_dit(const section& s) {
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

text_config read_text(const section& s) {
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

vae_config read_vae(const section& s) {
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

model_config read_model_config(const std::filesystem::path& folder) {
  auto file = folder / "config.json";
  auto all = read_json(file);
  section names{file, all, "weights"}, dit{file, all, "dit"}, text{file, all, "text_encoder"}, vae{file, all, "vae"},
      pipeline{file, all, "pipeline"};
  model_config c;
  c.text_file = folder / names.text("text_encoder");
  c.high_file = folder / names.text("dit_high");
  c.low_file = folder / names.text("dit_low");
  c.vae_file = folder / names.text("vae");
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

} // namespace reel::wan
