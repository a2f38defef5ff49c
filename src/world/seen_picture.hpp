// seen_picture.hpp: Frames as the attribute reader measures them: at 64 pixels to the shorter side, in floating point.
// Private to the reader.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace reel::world::seen {

/// 0..255 each, as in the file.
struct pixel {
  float r = 0, g = 0, b = 0;
};

inline pixel operator+(pixel a, pixel b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline pixel operator-(pixel a, pixel b) { return {a.r - b.r, a.g - b.g, a.b - b.b}; }
inline pixel operator*(float f, pixel a) { return {f * a.r, f * a.g, f * a.b}; }
inline float dot(pixel a, pixel b) { return a.r * b.r + a.g * b.g + a.b * b.b; }
inline float length(pixel a) { return std::sqrt(dot(a, a)); }

/// A value per pixel, row by row.
template <class T> struct plane {
  int width = 0, height = 0;
  std::vector<T> values;

  plane() = default;
  plane(int w, int h, T fill = {}) : width{w}, height{h}, values(static_cast<std::size_t>(w * h), fill) {}

  T& at(int x, int y) { return values[static_cast<std::size_t>(y * width + x)]; }
  const T& at(int x, int y) const { return values[static_cast<std::size_t>(y * width + x)]; }
  bool has(int x, int y) const { return x >= 0 && y >= 0 && x < width && y < height; }
};

using picture = plane<pixel>;

/// Packed RGB pixels, brought to 64 pixels for the shorter side by averaging areas.
picture to_picture(const std::vector<std::uint8_t>& frame, int width, int height);

/// By channel. Empty: black.
pixel median(const std::vector<pixel>& of);
float median(std::vector<float> of);

} // namespace reel::world::seen
