// export.hpp: A trained model as a folder that reel-worker takes (checkpoint_folder.hpp: single config): config.json
// and the four parts, the tokenizer beside them.
#pragma once

#include "src/reel-train/parameters.hpp"

namespace reel::train {

struct trained_model {
  std::string name;
  wan::model_config config;
  wan::generation_defaults how; ///< by default
  parameter_map text, high, low, vae;
};

/// Transformers (one file where both experts are one) and text encoder in bf16, the autoencoder in float16. Throws
/// std::system_error.
void export_model(const std::filesystem::path& folder, const trained_model& model,
                  const std::filesystem::path& tokenizer);

/// Pieces of a SentencePiece model, told from its file: LibTorch and SentencePiece do not live in one process. Throws
/// std::runtime_error with the file's name.
std::int64_t pieces_of(const std::filesystem::path& tokenizer);

} // namespace reel::train
