// seen_backdrop.hpp: What is behind the objects of a clip. Private to the reader.
#pragma once

#include "src/world/scene.hpp"
#include "src/world/seen_picture.hpp"

namespace reel::world::seen {

struct backdrop {
  world::pattern pattern{};
  pixel first, second; ///< as in world::background
  picture pixels;      ///< the whole of it, without objects
};

/// Measured along the four borders, over all frames: objects are rarely there, and not for long.
backdrop find_backdrop(const std::vector<picture>& frames);

} // namespace reel::world::seen
