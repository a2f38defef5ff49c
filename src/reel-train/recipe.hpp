// recipe.hpp: The stages of training with their numbers, and the files between them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace reel::train {

struct recipe_options {
  std::filesystem::path dataset, work;
  std::filesystem::path tokenizer; ///< the SentencePiece model that the dataset was written with
  std::filesystem::path texts; ///< a dataset of more scenes for the text encoder, which needs no videos; empty: dataset
  std::filesystem::path from;  ///< a model to go on from: its autoencoder stays, text encoder and base begin as it is;
                               ///< empty: none
  std::filesystem::path out;   ///< folder of the models
  double scale = 1;            ///< of the number of steps, and of what the light model is shown
  unsigned threads = 2;
  std::uint64_t seed = 1;
};

std::vector<std::string> stage_names(); ///< "all" and the stages in their order

/// Throws std::runtime_error, std::system_error.
void run_recipe(const recipe_options& options, const std::string& stage);

} // namespace reel::train
