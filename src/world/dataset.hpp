// dataset.hpp: What a model is trained on: scenes with many captions each, as token ids. Written by `reel-world
// dataset`, which has the tokenizer, and read by reel-train, which cannot have it (LibTorch and SentencePiece do not
// live in one process). The clips themselves are not stored: drawing one takes a millisecond.
//
// One file, little-endian. Throws std::runtime_error with the file's name for what cannot be written or read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "src/world/scene.hpp"

namespace reel::world {

struct example {
  world::scene scene;
  std::vector<std::vector<std::int32_t>> captions; ///< token ids as the worker gets them, without padding
};

void write_dataset(const std::filesystem::path& file, const std::vector<example>& examples);
std::vector<example> read_dataset(const std::filesystem::path& file);

} // namespace reel::world
