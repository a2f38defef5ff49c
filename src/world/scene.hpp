// scene.hpp: The small world that the built-in models are trained on, as values: one or two simple shapes that move
// over a simple background for 17 frames of 64x64 pixels. What a prompt says (captions.hpp), what is drawn
// (drawing.hpp) and what is read back from a video (attribute_reader.hpp) are all told in these words.
//
// Values; any thread. No LibTorch here.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace reel::world {

inline constexpr int side_px = 64; ///< of a square frame
inline constexpr int clip_frames = 17;

enum class colour : std::uint8_t { red, orange, yellow, green, cyan, blue, purple, pink, white };
enum class shape : std::uint8_t { circle, square, triangle, star, cross, ring };
enum class motion : std::uint8_t {
  still,
  left,
  right,
  up,
  down,
  up_left,
  up_right,
  down_left,
  down_right,
  circling, ///< one turn over the clip
  growing,
  shrinking,
};
enum class size : std::uint8_t { small, large };
enum class speed : std::uint8_t { slow, fast };                         ///< of what goes along a line; the rest is slow
enum class place : std::uint8_t { anywhere, left, right, top, bottom }; ///< the half that one of two objects keeps to

/// Darker than any object, so that an object is seen on each of them.
enum class tone : std::uint8_t { black, grey, red, brown, green, teal, blue, purple };
enum class pattern : std::uint8_t { plain, gradient, stripes };

struct object {
  world::colour colour{};
  world::shape shape{};
  world::motion motion{};
  world::size size{};
  world::speed speed{};
  world::place place{};
  bool operator==(const object&) const = default;
};

struct background {
  world::pattern pattern{};
  tone first{}, second{}; ///< gradient: top to bottom; stripes: vertical, by turns; plain: equal
  bool operator==(const background&) const = default;
};

struct scene {
  std::vector<object> objects; ///< one, or two placed apart
  world::background background;
  std::uint64_t seed = 0; ///< what words do not say: exact place, radius, shade
  bool operator==(const scene&) const = default;
};

std::string_view to_string(colour c);
std::string_view to_string(shape s);
std::string_view to_string(motion m); ///< "up-left"
std::string_view to_string(size s);
std::string_view to_string(speed s);
std::string_view to_string(place p);
std::string_view to_string(tone t);
std::string_view to_string(pattern p);

/// Which scenes a model may see while it is trained. Told by a scene's words alone.
enum class split : std::uint8_t {
  training,
  combinations, ///< a tenth of all (colour, shape, motion, background), never trained on
  pairs,        ///< colour-shape pairs never trained on at all
};
split split_of(const scene& s);

/// A scene of one object (or two, placed apart) of that split.
scene draw_scene(std::mt19937_64& rng, split wanted, int objects);

} // namespace reel::world
