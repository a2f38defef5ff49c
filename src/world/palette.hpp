// palette.hpp: The colours of the world as RGB, before the little that a seed adds. Every object is clearly brighter
// than every tone (luma at least 105 against at most 70). Values.
#pragma once

#include "src/world/scene.hpp"

namespace reel::world {

struct rgb {
  double red = 0, green = 0, blue = 0; ///< 0 to 255
};

inline constexpr double shade_jitter = 6; ///< most that a seed adds or takes, per channel

inline constexpr std::array<rgb, 9> object_rgb{{{228, 42, 38},
                                                {255, 138, 12},
                                                {248, 226, 48},
                                                {48, 204, 62},
                                                {44, 222, 232},
                                                {58, 112, 248},
                                                {168, 76, 234},
                                                {250, 132, 192},
                                                {244, 244, 244}}};
inline constexpr std::array<rgb, 8> tone_rgb{
    {{12, 12, 12}, {66, 66, 66}, {92, 12, 18}, {82, 52, 22}, {14, 66, 26}, {8, 72, 76}, {18, 26, 92}, {58, 18, 88}}};

constexpr const rgb& rgb_of(colour c) { return object_rgb[static_cast<std::size_t>(c)]; }
constexpr const rgb& rgb_of(tone t) { return tone_rgb[static_cast<std::size_t>(t)]; }

} // namespace reel::world
