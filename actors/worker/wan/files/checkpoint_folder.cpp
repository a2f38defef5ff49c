#include "actors/worker/wan/files/checkpoint_folder.hpp"

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/config_section.hpp"
#include "actors/worker/wan/files/official.hpp"

namespace reel::wan {
namespace fs = std::filesystem;

namespace {

/// The first that exists; else the last, so that whoever opens it says that it is missing.
fs::path first_of(const fs::path& folder, std::initializer_list<const char*> names) {
  for (auto name : names)
    if (fs::exists(folder / name)) return folder / name;
  return folder / *(names.end() - 1);
}

fs::path shards_or_file(const fs::path& folder, const std::string& base) {
  auto index = folder / (base + ".safetensors.index.json");
  return fs::exists(index) ? index : folder / (base + ".safetensors");
}

part_files& part(checkpoint_folder& c, model_part p) { return c.parts[static_cast<std::size_t>(p)]; }

void read_single_config(checkpoint_folder& c) {
  c.config = c.path / "config.json";
  auto all = read_json_object(c.config);
  config_section weights{c.config, all, "weights"}, dit{c.config, all, "dit"};
  part(c, model_part::text_encoder).tensors = c.path / weights.name("text_encoder");
  part(c, model_part::high_noise).tensors = c.path / weights.name("dit_high");
  part(c, model_part::low_noise).tensors = c.path / weights.name("dit_low");
  part(c, model_part::vae).tensors = c.path / weights.name("vae");
  c.tokenizer = c.path / (weights.has("tokenizer") ? weights.name("tokenizer") : "spiece.model");
  c.text_len = dit.count("text_len");
  c.defaults = read_generation_defaults(c.config);
}

void read_released(checkpoint_folder& c) {
  for (auto [p, name] :
       {std::pair{model_part::high_noise, "high_noise_model"}, std::pair{model_part::low_noise, "low_noise_model"}})
    part(c, p) = {shards_or_file(c.path / name, "diffusion_pytorch_model"), c.path / name / "config.json"};
  part(c, model_part::text_encoder).tensors =
      first_of(c.path, {"models_t5_umt5-xxl-enc-bf16.safetensors", "models_t5_umt5-xxl-enc-bf16.pth"});
  part(c, model_part::vae).tensors = first_of(c.path, {"Wan2.1_VAE.safetensors", "Wan2.1_VAE.pth"});
  c.tokenizer = first_of(c.path, {"spiece.model", "google/umt5-xxl/spiece.model"});
}

void read_diffusers(checkpoint_folder& c) {
  if (auto index = c.path / "model_index.json"; fs::exists(index)) c.config = index;
  auto add = [&c](model_part p, const char* name, const char* base) {
    part(c, p) = {shards_or_file(c.path / name, base), c.path / name / "config.json"};
  };
  add(model_part::high_noise, "transformer", "diffusion_pytorch_model");
  add(model_part::low_noise, "transformer_2", "diffusion_pytorch_model");
  add(model_part::vae, "vae", "diffusion_pytorch_model");
  add(model_part::text_encoder, "text_encoder", "model");
  c.tokenizer = first_of(c.path, {"spiece.model", "tokenizer/spiece.model"});
}

/// diffusers' transformer does not say it: its pipeline pads to 512 as the reference does.
std::int64_t text_len_of(const part_files& expert) {
  auto otherwise = official_config().dit.text_len;
  if (!fs::exists(expert.config)) return otherwise;
  auto all = read_json_object(expert.config);
  config_section s{expert.config, all};
  return s.has("text_len") ? s.count("text_len") : otherwise;
}

} // namespace

std::string_view to_string(checkpoint_layout l) {
  switch (l) {
  case checkpoint_layout::single_config: return "one config.json";
  case checkpoint_layout::released: return "as released";
  case checkpoint_layout::diffusers: return "diffusers";
  }
  return "?";
}

checkpoint_folder find_checkpoint(const fs::path& folder) {
  checkpoint_folder c{.path = folder};
  auto has = [&folder](const char* name) { return fs::exists(folder / name); };
  if (has("high_noise_model") || has("low_noise_model"))
    c.layout = checkpoint_layout::released;
  else if (has("model_index.json") || has("transformer"))
    c.layout = checkpoint_layout::diffusers;
  else if (!has("config.json"))
    throw render_error{errc::not_found, (folder / "config.json").string() +
                                            ": not there, and neither is high_noise_model/ (the released "
                                            "layout) nor transformer/ (diffusers)"};
  if (c.layout == checkpoint_layout::single_config) {
    read_single_config(c);
    return c;
  }
  if (c.layout == checkpoint_layout::released)
    read_released(c);
  else
    read_diffusers(c);
  c.defaults = official_defaults();
  c.text_len = text_len_of(c.of(model_part::high_noise));
  return c;
}

} // namespace reel::wan
