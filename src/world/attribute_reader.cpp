#include "src/world/attribute_reader.hpp"

#include <limits>
#include <stdexcept>

#include "src/world/palette.hpp"
#include "src/world/seen_motion.hpp"
#include "src/world/seen_shape.hpp"
#include "src/world/seen_tracks.hpp"

namespace reel::world {

namespace {

constexpr int least_side_px = 32;
constexpr std::size_t least_frames = 5;
constexpr double large_from_px = 13.5; ///< radius, between the small ones' largest and the large ones' smallest

/// The entry of a palette that is nearest.
template <class Word, class Palette> Word nearest(const Palette& palette, seen::pixel p) {
  auto least = std::numeric_limits<float>::infinity();
  std::size_t best = 0;
  for (std::size_t i = 0; i < palette.size(); ++i) {
    auto& c = palette[i];
    seen::pixel known{static_cast<float>(c.red), static_cast<float>(c.green), static_cast<float>(c.blue)};
    if (auto d = seen::length(known - p); d < least) least = d, best = i;
  }
  return static_cast<Word>(best);
}

/// Between tones of one name there is no pattern, whatever little they differ by.
background background_of(const seen::backdrop& b) {
  background out{b.pattern, nearest<tone>(tone_rgb, b.first), nearest<tone>(tone_rgb, b.second)};
  if (out.first == out.second) out.pattern = pattern::plain;
  return out;
}

/// All of them are bright: thin parts that blur has darkened are made so again.
colour colour_of(seen::pixel p) {
  constexpr float usual_brightness = 240;
  auto brightest = std::max({p.r, p.g, p.b, 1.f});
  return nearest<colour>(object_rgb, usual_brightness / brightest * p);
}

seen_object object_of(const seen::track& t) {
  seen_object out{.colour = colour_of(t.colour), .shape = seen::find_shape(t), .motion = seen::find_motion(t)};
  double frames = 0;
  const seen::sighting* first = nullptr;
  for (auto& s : t.per_frame) {
    if (!s) continue;
    if (!first) first = &*s;
    out.x_px += s->x_px;
    out.y_px += s->y_px;
    out.radius_px += seen::radius_of(out.shape, s->area_px);
    ++frames;
  }
  out.x_px /= frames;
  out.y_px /= frames;
  out.radius_px /= frames;
  auto begins_with_px = seen::radius_of(out.shape, first->area_px);
  auto changes = out.motion == motion::growing || out.motion == motion::shrinking;
  out.size = (changes ? begins_with_px : out.radius_px) < large_from_px ? size::small : size::large;
  return out;
}

} // namespace

seen_clip read_attributes(const std::vector<std::vector<std::uint8_t>>& frames, int width, int height) {
  if (frames.size() < least_frames || std::min(width, height) < least_side_px)
    throw std::invalid_argument{"read_attributes: a clip has 5 frames of 32x32 pixels, or more"};
  std::vector<seen::picture> pictures;
  for (auto& f : frames) {
    if (f.size() != 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
      throw std::invalid_argument{"read_attributes: a frame of another size"};
    pictures.push_back(seen::to_picture(f, width, height));
  }
  auto behind = seen::find_backdrop(pictures);
  seen_clip out{.background = background_of(behind), .objects = {}};
  for (auto& t : seen::find_tracks(pictures, behind)) out.objects.push_back(object_of(t));
  return out;
}

} // namespace reel::world
