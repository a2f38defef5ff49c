// expectation.hpp: What a prompt asks for, in the world's words, and its line in a file of prompts to judge a model by:
//
//   {"prompt": "...", "language": "en", "split": "combinations",
//    "expect": {"background": {"pattern": "plain", "tones": ["blue"]},
//               "objects": [{"colour": "red", "shape": "circle", "motion": "left", "size": "large", "speed": "slow",
//                            "place": "anywhere"}]}}
//
// What is absent was not said and is not judged; "prompt" and "expect" are always there, "language" is en or zh. Two
// tones make a gradient (top to bottom) or stripes, one makes a plain background. Values; any thread.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "src/world/captions.hpp"

namespace reel::world {

struct expected_object {
  std::optional<world::colour> colour;
  std::optional<world::shape> shape;
  std::optional<world::motion> motion;
  std::optional<world::size> size;
  std::optional<world::speed> speed;
  std::optional<world::place> place;
  bool operator==(const expected_object&) const = default;
};

struct expectation {
  std::string prompt;
  world::language language{};
  std::optional<world::background> background;
  std::vector<expected_object> objects; ///< two at most
  std::optional<world::split> split;
  bool operator==(const expectation&) const = default;
};

inline constexpr std::size_t expectation_line_bytes_max = 64 << 10;
inline constexpr std::size_t expectations_max = 100'000; ///< lines of a file

/// Without a line break.
std::string to_json_line(const expectation& e);

/// Throws std::runtime_error that begins with "line N: " and names the field, its value and what is allowed.
expectation from_json_line(std::string_view line, std::size_t line_number);

/// Blank lines are skipped. Throws std::runtime_error that names the file.
std::vector<expectation> read_expectations(const std::filesystem::path& file);

/// All that a scene shows, as far as words can ask for it: a size only of what keeps it, a speed only of what goes
/// along a line.
expectation expected_of(const scene& s);

} // namespace reel::world
