// model_config_test.cpp: The golden model's configuration reads as it is; every damage to it is refused with
// the file and the key. Method: the good file with one value changed.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/checkpoint_folder.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using namespace reel::wan;
using Catch::Matchers::ContainsSubstring;
namespace json = boost::json;

namespace {

const std::filesystem::path folder = std::filesystem::path{REEL_SOURCE_DIR} / "models/wan-golden";

json::object good() {
  std::stringstream text;
  text << std::ifstream{folder / "config.json"}.rdbuf();
  return json::parse(text.str()).as_object();
}

std::string refusal(const std::string& text, errc code = errc::corrupt) {
  reel::testing::temp_folder changed;
  auto path = changed.write("config.json", text);
  try {
    read_model_config(find_checkpoint(changed.path()).config);
    return {};
  } catch (const render_error& e) {
    CHECK(e.code() == code);
    CHECK_THAT(e.what(), ContainsSubstring(path.string()));
    return e.what();
  }
}

/// With section.key set to `value`; a null value removes the key.
std::string with(const char* section, const char* key, json::value value, errc code = errc::corrupt) {
  auto all = good();
  auto& values = all.at(section).as_object();
  if (value.is_null())
    values.erase(key);
  else
    values[key] = std::move(value);
  return refusal(json::serialize(all), code);
}

} // namespace

TEST_CASE("the golden model's configuration is read as it stands") {
  auto found = find_checkpoint(folder);
  CHECK(found.of(model_part::high_noise).tensors == folder / "dit_high.safetensors");
  CHECK(found.text_len == 32);
  CHECK(found.tokenizer == folder / "spiece.model");
  CHECK(found.defaults.guidance_low == 3);
  CHECK(found.defaults.guidance_high == 4);
  CHECK(found.defaults.width == 48);
  auto c = read_model_config(found.config);
  CHECK(c.dit.patch == std::array<std::int64_t, 3>{1, 2, 2});
  CHECK(c.dit.head_dim() == 16);
  CHECK(c.text.vocabulary == 448);
  CHECK(c.vae.widths == std::vector<std::int64_t>{1, 2, 4, 4});
  CHECK(c.vae.time_stride() == 4);
  CHECK(c.vae.space_stride() == 8);
  CHECK(c.boundary == 0.875);
}

TEST_CASE("a folder without a configuration is told apart from a damaged one") {
  reel::testing::temp_folder empty;
  try {
    find_checkpoint(empty.path());
    FAIL("read");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::not_found);
    CHECK_THAT(e.what(), ContainsSubstring("config.json"));
  }
}

TEST_CASE("what is no JSON object, or too long, is refused") {
  for (auto text : {"", "[]", "{", "{\"dit\":1}"}) CHECK_FALSE(refusal(text).empty());
  CHECK_THAT(refusal(json::serialize(good()) + std::string(2 << 20, ' ')), ContainsSubstring("1 MiB"));
}

TEST_CASE("every value is needed") {
  for (auto& [section, values] : good()) {
    if (!values.is_object() || section == "tokenizer") continue; // the tokenizer's section is for reel-node
    for (auto& [key, value] : values.get_object()) {
      auto name = std::string{section} + '.' + std::string{key};
      if (section == "pipeline" &&
          std::string{"vae_stride num_train_timesteps boundary"}.find(key) == std::string::npos)
        continue;
      if (name == "weights.tokenizer") continue;
      INFO(name);
      auto all = good();
      all.at(section).as_object().erase(key);
      CHECK_THAT(refusal(json::serialize(all)), ContainsSubstring(name));
    }
  }
}

TEST_CASE("numbers out of range are refused with what is allowed and what was found") {
  CHECK_THAT(with("dit", "dim", 0),
             ContainsSubstring("dit.dim: a whole number from 1") && ContainsSubstring("found 0"));
  CHECK_THAT(with("dit", "dim", 66), ContainsSubstring("dit.dim") && ContainsSubstring("num_heads"));
  CHECK_THAT(with("dit", "num_layers", 1e9), ContainsSubstring("dit.num_layers"));
  CHECK_THAT(with("dit", "freq_dim", 63), ContainsSubstring("dit.freq_dim"));
  CHECK_THAT(with("dit", "patch_size", json::array{2, 2}), ContainsSubstring("dit.patch_size"));
  CHECK_THAT(with("dit", "text_dim", 47), ContainsSubstring("text_encoder.dim"));
  CHECK_THAT(with("dit", "eps", "small"), ContainsSubstring("dit.eps"));
  CHECK_THAT(with("text_encoder", "dim_attn", 63), ContainsSubstring("text_encoder.dim_attn"));
  CHECK_THAT(with("text_encoder", "max_dist", 8), ContainsSubstring("text_encoder.max_dist"));
  CHECK_THAT(with("vae", "mean", json::array{1.0}), ContainsSubstring("vae.mean"));
  CHECK_THAT(with("vae", "temperal_downsample", json::array{true}), ContainsSubstring("vae.temperal_downsample"));
  CHECK_THAT(with("vae", "dim_mult", json::array{}), ContainsSubstring("vae.dim_mult"));
  CHECK_THAT(with("pipeline", "boundary", 1.5), ContainsSubstring("pipeline.boundary"));
  CHECK_THAT(with("pipeline", "vae_stride", json::array{4, 16, 16}), ContainsSubstring("[4,8,8]"));
  CHECK_THAT(with("weights", "vae", ""), ContainsSubstring("weights.vae"));
}

TEST_CASE("variants of the model that this code does not know are refused as unsupported") {
  CHECK_THAT(with("dit", "model_type", "i2v", errc::unsupported), ContainsSubstring("dit.model_type"));
  CHECK_THAT(with("dit", "qk_norm", false, errc::unsupported), ContainsSubstring("dit.qk_norm"));
  CHECK_THAT(with("dit", "window_size", json::array{8, 8}, errc::unsupported), ContainsSubstring("dit.window_size"));
  CHECK_THAT(with("text_encoder", "shared_pos", true, errc::unsupported), ContainsSubstring("shared_pos"));
  CHECK_THAT(with("vae", "attn_scales", json::array{0.5}, errc::unsupported), ContainsSubstring("attn_scales"));
}
