// names.hpp: The words of scene.hpp as text and back, one table each, in the order of their values. Pure; any thread.
#pragma once

#include <algorithm>
#include <optional>
#include <span>

#include "src/world/scene.hpp"

namespace reel::world {

inline constexpr std::array<std::string_view, 9> colour_names{"red",  "orange", "yellow", "green", "cyan",
                                                              "blue", "purple", "pink",   "white"};
inline constexpr std::array<std::string_view, 6> shape_names{"circle", "square", "triangle", "star", "cross", "ring"};
inline constexpr std::array<std::string_view, 12> motion_names{"still",      "left",     "right",    "up",
                                                               "down",       "up-left",  "up-right", "down-left",
                                                               "down-right", "circling", "growing",  "shrinking"};
inline constexpr std::array<std::string_view, 2> size_names{"small", "large"};
inline constexpr std::array<std::string_view, 2> speed_names{"slow", "fast"};
inline constexpr std::array<std::string_view, 5> place_names{"anywhere", "left", "right", "top", "bottom"};
inline constexpr std::array<std::string_view, 8> tone_names{"black", "grey", "red",  "brown",
                                                            "green", "teal", "blue", "purple"};
inline constexpr std::array<std::string_view, 3> pattern_names{"plain", "gradient", "stripes"};
inline constexpr std::array<std::string_view, 3> split_names{"training", "combinations", "pairs"};

template <class Word> constexpr std::span<const std::string_view> names_of() {
  if constexpr (std::is_same_v<Word, colour>) return colour_names;
  if constexpr (std::is_same_v<Word, shape>) return shape_names;
  if constexpr (std::is_same_v<Word, motion>) return motion_names;
  if constexpr (std::is_same_v<Word, size>) return size_names;
  if constexpr (std::is_same_v<Word, speed>) return speed_names;
  if constexpr (std::is_same_v<Word, place>) return place_names;
  if constexpr (std::is_same_v<Word, tone>) return tone_names;
  if constexpr (std::is_same_v<Word, pattern>) return pattern_names;
  if constexpr (std::is_same_v<Word, split>) return split_names;
}

template <class Word> std::string_view name_of(Word w) { return names_of<Word>()[static_cast<std::size_t>(w)]; }

template <class Word> std::optional<Word> word_named(std::string_view name) {
  auto all = names_of<Word>();
  auto at = std::ranges::find(all, name);
  if (at == all.end()) return std::nullopt;
  return static_cast<Word>(at - all.begin());
}

/// What goes along a line: only for these does a speed mean anything.
constexpr bool is_straight(motion m) { return m >= motion::left && m <= motion::down_right; }
/// A size is only told of what keeps it.
constexpr bool changes_size(motion m) { return m == motion::growing || m == motion::shrinking; }

} // namespace reel::world
