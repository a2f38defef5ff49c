// seen_motion.hpp: How a track moves. Private to the reader.
#pragma once

#include "src/world/scene.hpp"
#include "src/world/seen_tracks.hpp"

namespace reel::world::seen {

motion find_motion(const track& t);

} // namespace reel::world::seen
