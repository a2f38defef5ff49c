// drawing.hpp: A scene as pixels, edges smoothed by area. The same scene always gives the same bytes. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "src/world/scene.hpp"

namespace reel::world {

/// All frames one after the other, each side_px rows of side_px packed RGB pixels.
std::vector<std::uint8_t> draw_clip(const scene& s);

} // namespace reel::world
