// checkpoint_folder.hpp: Where in a checkpoint's folder everything lies, told from file names alone; no tensor is read.
// Three layouts:
//
//   single config   config.json with all numbers and the names of all files (section "weights"), for example
//                   models/wan-golden
//   released        Wan2.2-T2V-A14B as published: high_noise_model/ and low_noise_model/ (config.json and shards),
//                   models_t5_umt5-xxl-enc-bf16.pth, Wan2.1_VAE.pth, google/umt5-xxl/spiece.model; the two .pth may be
//                   .safetensors of the same names
//   diffusers       transformer/ (high noise), transformer_2/ (low noise), text_encoder/, vae/, tokenizer/
//
// Needs no LibTorch, so that reelctl can find a tokenizer. Values; any thread.
#pragma once

#include <array>

#include "actors/worker/wan/files/key_names.hpp"
#include "actors/worker/wan/model_config.hpp"

namespace reel::wan {

enum class checkpoint_layout : std::uint8_t { single_config, released, diffusers };
std::string_view to_string(checkpoint_layout l);

struct part_files {
  std::filesystem::path tensors; ///< a file, or an index of several; need not exist
  std::filesystem::path config;  ///< the part's own config.json; need not exist; empty: it has none
};

struct checkpoint_folder {
  std::filesystem::path path;
  checkpoint_layout layout = checkpoint_layout::single_config;
  std::filesystem::path config;    ///< config.json or model_index.json of the whole; empty: there is none
  std::array<part_files, 4> parts; ///< by model_part
  std::filesystem::path tokenizer; ///< SentencePiece model; need not exist
  std::int64_t text_len = 0;       ///< tokens of a prompt, at most
  generation_defaults defaults;

  const part_files& of(model_part p) const { return parts[static_cast<std::size_t>(p)]; }
};

/// Throws render_error: not_found when the folder holds no checkpoint, corrupt for a damaged config.json.
checkpoint_folder find_checkpoint(const std::filesystem::path& folder);

} // namespace reel::wan
