// commands.hpp: The subcommands of reel-world. Each returns the program's exit code and throws std::runtime_error with
// the text to show. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/world/scene.hpp"

namespace reel::world {

struct tokenizer_options {
  std::string out;
  std::size_t vocabulary = 900; ///< pieces at most, of which 256 are single bytes
  std::size_t captions = 30'000;
  std::uint64_t seed = 1;
};
int train_tokenizer(const tokenizer_options& o);

struct dataset_options {
  std::string tokenizer, out;
  std::size_t examples = 10'000;
  std::size_t captions = 16; ///< of each example
  double two_objects = 0.25, chinese = 0.4;
  std::size_t text_len = 64; ///< the model's, in tokens with the end token
  std::uint64_t seed = 1;
};
int make_dataset(const dataset_options& o);

struct draw_options {
  std::string out;                  ///< a folder
  std::vector<std::string> prompts; ///< none: drawn by chance
  std::size_t count = 24;
  std::string split = "training";
  int objects = 1;
  std::uint64_t seed = 1;
};
int draw(const draw_options& o);

struct captions_options {
  std::size_t count = 20;
  std::string split = "combinations", language = "both", phrasing = "known";
  double two_objects = 0;
  std::uint64_t seed = 1;
};
int print_captions(const captions_options& o);

} // namespace reel::world
