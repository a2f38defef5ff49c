// seen_shape.hpp: Which shape a track has. Private to the reader.
#pragma once

#include "src/world/scene.hpp"
#include "src/world/seen_tracks.hpp"

namespace reel::world::seen {

/// The object's picture averaged over the frames, each moved and scaled to one centre and one area, against every
/// shape drawn at that area and blurred as much as fits best.
shape find_shape(const track& t);

/// Of a shape with that area, as scene.hpp's drawing means it.
double radius_of(shape s, double area_px);

} // namespace reel::world::seen
