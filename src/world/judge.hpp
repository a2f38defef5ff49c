// judge.hpp: Whether a video shows what was asked for, attribute by attribute. Pure; any thread.
#pragma once

#include <array>
#include <optional>

#include "src/world/attribute_reader.hpp"
#include "src/world/expectation.hpp"

namespace reel::world {

inline constexpr std::array<std::string_view, 6> judged_names{"colour", "background", "motion",
                                                              "shape",  "size",       "count"};

struct verdict {
  /// By judged_names; none: nothing was asked. Of a background's two tones the order is no matter. Of two objects both
  /// must be right. Speed is not judged: what is slow in one video is fast in another.
  std::array<std::optional<bool>, judged_names.size()> right;

  /// Everything that was asked for.
  bool all() const;

  /// Names of what is wrong: "colour, motion"; empty: nothing.
  std::string wrong() const;
};

/// One object: the largest seen is it. Two: of two that are seen, each is the one further to its side; a single one
/// that is seen counts for the half that it is in. What is not there is wrong in everything.
verdict judge(const expectation& asked, const seen_clip& seen);

} // namespace reel::world
