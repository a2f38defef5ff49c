// checkpoint_test.cpp: The same tensors and numbers come out of every layout, file kind and naming; and whatever a
// folder says wrongly is refused with file, key, expected and found. Method: tests/data/wan-checkpoint rewritten, and
// copies of it with one thing changed.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/files/official.hpp"
#include "tests/worker/temp_folder.hpp"
#include "tests/worker/wan/files/checkpoint_files.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;
using Catch::Matchers::ContainsSubstring;
using reel::testing::temp_folder;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

/// A copy of the released folder to break.
struct copied {
  temp_folder folder;
  copied() { fs::copy(released_folder(), folder.path(), fs::copy_options::recursive); }
  fs::path operator/(const std::string& name) const { return folder.path() / name; }
};

std::string refusal(const fs::path& folder, errc code = errc::corrupt) {
  try {
    open_checkpoint(folder);
    return {};
  } catch (const render_error& e) {
    CHECK(e.code() == code);
    return e.what();
  }
}

/// The config.json of both experts with a value changed; null removes it.
std::string with_config(const char* key, json::value value, errc code = errc::corrupt) {
  copied c;
  for (auto expert : {"high_noise_model", "low_noise_model"}) {
    auto file = c / (std::string{expert} + "/config.json");
    auto all = json::parse(text_of(file)).as_object();
    if (value.is_null())
      all.erase(key);
    else
      all[key] = value;
    write_text(file, json::serialize(all));
  }
  return refusal(c.folder.path(), code);
}

void check_same(const checkpoint& a, const checkpoint& b) {
  CHECK(a.config == b.config);
  for (auto part : model_parts) {
    INFO(to_string(part));
    auto &ours = *a.of(part), &theirs = *b.of(part);
    REQUIRE(ours.size() == theirs.size());
    for (auto& [key, t] : ours) {
      INFO(key);
      auto& other = theirs.at(key);
      CHECK(t.shape == other.shape);
      CHECK(t.type == other.type);
      CHECK(std::ranges::equal(t.bytes, other.bytes));
    }
  }
}

/// The VAE with some of its tensors only, as a safetensors file beside the .pth, which it comes before.
void keep_of_vae(const copied& c, const std::function<bool(const std::string&)>& keeps) {
  auto tensors = read_part(find_checkpoint(released_folder()), model_part::vae);
  std::erase_if(tensors, [&keeps](auto& t) { return !keeps(t.first); });
  write_safetensors(c / "Wan2.1_VAE.safetensors", tensors);
}

} // namespace

TEST_CASE("a checkpoint as released opens, and what its config.json leaves out is derived") {
  auto c = open_checkpoint(released_folder());
  CHECK(c.folder.layout == checkpoint_layout::released);
  CHECK(c.folder.tokenizer == released_folder() / "google/umt5-xxl/spiece.model");
  CHECK(c.config.dit == dit_config{.patch = {1, 2, 2},
                                   .text_len = 512,
                                   .text_dim = 24,
                                   .in_dim = 16,
                                   .out_dim = 16,
                                   .dim = 32,
                                   .ffn_dim = 48,
                                   .freq_dim = 16,
                                   .heads = 2,
                                   .layers = 2,
                                   .eps = 1e-6});
  CHECK(c.config.text == text_config{.vocabulary = 448,
                                     .dim = 24,
                                     .attention_dim = 24,
                                     .ffn_dim = 32,
                                     .heads = 2,
                                     .layers = 2,
                                     .buckets = 32,
                                     .distance_max = 128,
                                     .eps = 1e-6});
  auto vae = official_config().vae;
  vae.dim = 2;
  CHECK(c.config.vae == vae);
  CHECK(c.config.boundary == 0.875);
  CHECK(c.folder.defaults == official_defaults());
  CHECK(c.of(model_part::high_noise)->size() == 69);
}

TEST_CASE("diffusers' layout and names give the same tensors and numbers") {
  temp_folder folder;
  write_diffusers_checkpoint(folder.path());
  auto c = open_checkpoint(folder.path());
  CHECK(c.folder.layout == checkpoint_layout::diffusers);
  CHECK(c.folder.tokenizer == folder.path() / "tokenizer/spiece.model");
  check_same(c, open_checkpoint(released_folder()));
}

TEST_CASE("the .pth may be safetensors of the same names, with the names of either side") {
  copied c;
  auto original = open_checkpoint(c.folder.path());
  write_safetensors(c / "models_t5_umt5-xxl-enc-bf16.safetensors",
                    diffusers_named(model_part::text_encoder, *original.of(model_part::text_encoder)));
  write_safetensors(c / "Wan2.1_VAE.safetensors", *original.of(model_part::vae));
  fs::remove(c / "Wan2.1_VAE.pth");
  auto found = open_checkpoint(c.folder.path());
  CHECK(found.folder.of(model_part::vae).tensors.extension() == ".safetensors");
  check_same(found, original);
}

TEST_CASE("an expert may lie in one file, and its embedding may come twice as transformers writes it") {
  copied c;
  auto original = open_checkpoint(c.folder.path());
  fs::remove(c / "low_noise_model/diffusion_pytorch_model.safetensors.index.json");
  write_safetensors(c / "low_noise_model/diffusion_pytorch_model.safetensors", *original.of(model_part::low_noise));
  auto text = diffusers_named(model_part::text_encoder, *original.of(model_part::text_encoder));
  text.emplace("encoder.embed_tokens.weight", text.at("shared.weight"));
  write_safetensors(c / "models_t5_umt5-xxl-enc-bf16.safetensors", text);
  check_same(open_checkpoint(c.folder.path()), original);
}

TEST_CASE("statistics of another latent come from diffusers' config.json, and are asked for otherwise") {
  temp_folder folder;
  write_diffusers_checkpoint(folder.path());
  auto file = folder.path() / "vae/config.json";
  auto all = json::parse(text_of(file)).as_object();
  all["latents_mean"] = json::array(16, 0.5);
  write_text(file, json::serialize(all));
  CHECK(open_checkpoint(folder.path()).config.vae.mean == std::vector<double>(16, 0.5));
  all["latents_std"] = json::array(3, 0.5);
  write_text(file, json::serialize(all));
  CHECK_THAT(refusal(folder.path()), ContainsSubstring(file.string()) && ContainsSubstring("16 numbers"));
}

TEST_CASE("a folder without a checkpoint says what is looked for") {
  temp_folder empty;
  CHECK_THAT(refusal(empty.path(), errc::not_found),
             ContainsSubstring("config.json") && ContainsSubstring("high_noise_model/"));
  CHECK_FALSE(refusal("/nowhere", errc::not_found).empty());
}

TEST_CASE("a part that is missing is named") {
  for (std::string part : {"Wan2.1_VAE.pth", "models_t5_umt5-xxl-enc-bf16.pth",
                           "low_noise_model/diffusion_pytorch_model-00002-of-00003.safetensors"}) {
    copied c;
    fs::remove(c / part);
    CHECK_THAT(refusal(c.folder.path(), errc::not_found), ContainsSubstring((c / part).string()));
  }
  copied c;
  fs::remove_all(c / "low_noise_model");
  CHECK_THAT(refusal(c.folder.path(), errc::not_found), ContainsSubstring("low_noise_model"));
}

TEST_CASE("a config.json that disagrees with the tensors is refused with both") {
  CHECK_THAT(with_config("dim", 64), ContainsSubstring("high_noise_model/config.json: dim: 32") &&
                                         ContainsSubstring("patch_embedding.weight") && ContainsSubstring("found 64"));
  CHECK_THAT(with_config("num_layers", 3), ContainsSubstring("num_layers: 2"));
  CHECK_THAT(with_config("ffn_dim", 1), ContainsSubstring("ffn_dim: 48"));
  CHECK_THAT(with_config("num_heads", 3), ContainsSubstring("num_heads"));
  CHECK_THAT(with_config("num_heads", nullptr), ContainsSubstring("num_heads"));
  CHECK_THAT(with_config("eps", -1), ContainsSubstring("eps"));
  CHECK_THAT(with_config("text_len", 0), ContainsSubstring("text_len"));
  CHECK_THAT(with_config("model_type", "i2v", errc::unsupported), ContainsSubstring("model_type"));
  CHECK_THAT(with_config("window_size", {8, 8}, errc::unsupported), ContainsSubstring("window_size"));
  CHECK(with_config("eps", nullptr).empty());
  CHECK(with_config("text_dim", 24).empty());
  CHECK_THAT(with_config("text_dim", 25), ContainsSubstring("text_dim: 24"));
}

TEST_CASE("parts that do not belong together are refused") {
  copied c;
  fs::copy(fs::path{REEL_SOURCE_DIR} / "models/wan-golden/text_encoder.safetensors",
           c / "models_t5_umt5-xxl-enc-bf16.safetensors");
  CHECK_THAT(refusal(c.folder.path()),
             ContainsSubstring("token_embedding.weight: expected 24") && ContainsSubstring("found 48"));
  copied d;
  fs::remove(d / "low_noise_model/diffusion_pytorch_model.safetensors.index.json");
  fs::copy(fs::path{REEL_SOURCE_DIR} / "models/wan-golden/dit_low.safetensors",
           d / "low_noise_model/diffusion_pytorch_model.safetensors");
  write_text(d / "low_noise_model/config.json", R"({"num_heads": 4})");
  CHECK_THAT(refusal(d.folder.path()), ContainsSubstring("low-noise expert has other sizes"));
}

TEST_CASE("a VAE without its encoder will do, one with gaps will not") {
  copied c;
  keep_of_vae(c, [](auto& key) { return !key.starts_with("encoder.") && !key.starts_with("conv1."); });
  CHECK(open_checkpoint(c.folder.path()).config.vae == open_checkpoint(released_folder()).config.vae);
  keep_of_vae(c, [](auto& key) { return !key.starts_with("decoder.upsamples.5."); });
  CHECK_THAT(refusal(c.folder.path()), ContainsSubstring("decoder.upsamples.*"));
  keep_of_vae(c, [](auto& key) { return !key.starts_with("decoder.upsamples.14."); });
  CHECK_THAT(refusal(c.folder.path()), ContainsSubstring("decoder.upsamples.*"));
  keep_of_vae(c, [](auto& key) { return key != "conv2.weight"; });
  CHECK_THAT(refusal(c.folder.path()), ContainsSubstring("Wan2.1_VAE.safetensors: tensor conv2.weight"));
}
