// captions.hpp: What somebody would type to get a scene, in English or Chinese: a grammar with many ways to say the
// same. Pure; any thread.
#pragma once

#include <random>
#include <string>

#include "src/world/scene.hpp"

namespace reel::world {

enum class language : std::uint8_t { english, chinese };
enum class phrasing : std::uint8_t {
  known,    ///< ways to say it that training uses
  held_out, ///< ways that it never uses
};

/// At most 40 words.
std::string describe(const scene& s, std::mt19937_64& rng, language in, phrasing how = phrasing::known);

} // namespace reel::world
