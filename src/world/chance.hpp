// chance.hpp: Draws that give the same on every standard library, which std::uniform_*_distribution does not promise: a
// seed means the same scene everywhere. Pure; any thread.
#pragma once

#include <array>
#include <random>
#include <vector>

namespace reel::world {

/// 0 to count - 1; count at least 1 and small, so that the remainder's bias does not matter.
inline std::size_t below(std::mt19937_64& rng, std::size_t count) { return static_cast<std::size_t>(rng() % count); }

/// At least low, less than high.
inline double between(std::mt19937_64& rng, double low, double high) {
  return low + (high - low) * (static_cast<double>(rng() >> 11) * 0x1p-53);
}

inline bool chance(std::mt19937_64& rng, double of) { return between(rng, 0, 1) < of; }

template <class List> const auto& one_of(std::mt19937_64& rng, const List& list) {
  return list[below(rng, std::size(list))];
}

} // namespace reel::world
