// trial.hpp: The prompts that a model is judged by, and what a video of each has to show. Values; one thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "src/world/judge.hpp"

namespace reel::eval {

struct trial {
  std::string split; ///< of the table
  world::expectation asked;
};

/// The built-in ones, `count` of each: "combinations" and "pairs" that training never shows, "paraphrases" (of
/// combinations, worded as training never does), "chinese" and "two objects". The same seed gives the same.
std::vector<trial> draw_trials(std::size_t count, std::uint64_t seed);

/// Lines as world/expectation.hpp has them, in splits by what they say, Chinese apart. Throws std::runtime_error that
/// names the file, the line and the field.
std::vector<trial> read_trials(const std::string& file);

} // namespace reel::eval
