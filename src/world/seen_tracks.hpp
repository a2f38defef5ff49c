// seen_tracks.hpp: Where each object of a clip is in each frame, to parts of a pixel. Private to the reader.
#pragma once

#include <optional>

#include "src/world/seen_backdrop.hpp"

namespace reel::world::seen {

/// An object in one frame.
struct sighting {
  double x_px = 0, y_px = 0; ///< its centre of mass
  double area_px = 0;
  plane<float> cover; ///< 0..1 of each pixel is the object
};

struct track {
  pixel colour;                                   ///< of its inside, over the clip
  std::vector<std::optional<sighting>> per_frame; ///< empty: not seen in that frame
  double mean_area_px = 0;
};

/// Largest first, at most two. Empty: nothing stands out.
std::vector<track> find_tracks(const std::vector<picture>& frames, const backdrop& behind);

/// What is blurred and noisy at the edges of a shape, with the same centre line: noise of the ground counts as none.
inline float sharpened(float cover) { return std::clamp((cover - .2f) / .6f, 0.f, 1.f); }

} // namespace reel::world::seen
