// attribute_reader.hpp: What a clip shows, by plain image analysis, without learning and without knowing what was
// asked: the other half of drawing.hpp, and the strong oracle of tests: the right video for the right prompt. Pure; any
// thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/world/scene.hpp"

namespace reel::world {

struct seen_object {
  world::colour colour{};
  world::shape shape{};
  world::motion motion{};
  world::size size{};
  double x_px = 0, y_px = 0, radius_px = 0; ///< centre over the clip, and size, at 64 pixels
};

struct seen_clip {
  world::background background;
  std::vector<seen_object> objects; ///< largest first, at most two
};

/// frames: each height rows of width packed RGB pixels, as media::clip has them; 5 or more, of any size from 32x32 on.
seen_clip read_attributes(const std::vector<std::vector<std::uint8_t>>& frames, int width, int height);

} // namespace reel::world
