#include "src/world/drawing.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "src/world/chance.hpp"
#include "src/world/names.hpp"
#include "src/world/palette.hpp"

namespace reel::world {

namespace {

constexpr double margin_px = 1.5;   ///< free at the frame's edge
constexpr double half_gap_px = 1.5; ///< free at the middle, between two objects
constexpr int stripe_px = 8;
constexpr double changing_from_px = 8, changing_to_px = 17.5;

struct point {
  double x = 0, y = 0; ///< y grows downwards
};

// ---------------------------------------------------------------- shapes

double box(point p, double half_width, double half_height) {
  return std::max(std::abs(p.x) - half_width, std::abs(p.y) - half_height);
}

/// Tip up, one radius to each side, almost as high as wide.
double triangle(point p, double radius) {
  const double high = 0.93 * radius;                     // from the middle to the tip and to the base
  const double slope = std::hypot(1, 2 * high / radius); // of the right side: x = radius * (y + high) / (2 * high)
  auto side = (std::abs(p.x) * 2 * high / radius - (p.y + high)) / slope;
  return std::max(side, p.y - high);
}

/// Five fat tips, one of them up. Mirrored into a tenth of the star, which one straight edge bounds.
double star(point p, double radius) {
  constexpr double step = std::numbers::pi / 5;
  const double sine = std::sin(step), cosine = std::cos(step);
  const double outer = 1.05 * radius, inner = 0.52 * outer;
  double along = -(p.y - 0.095 * outer), across = std::abs(p.x); // the box's middle lies below that of the tips
  for (int i = 0; i < 2; ++i) {
    auto beyond = std::max(0.0, across * cosine - along * sine); // of the mirror between two tips
    across = std::abs(across - 2 * beyond * cosine);
    along += 2 * beyond * sine;
  }
  const double run = outer - inner * cosine, rise = inner * sine;
  return ((along - outer) * rise + across * run) / std::hypot(run, rise);
}

/// Signed distance from the edge, at least near it; inside is negative. All shapes stay within `radius` of the middle
/// along both axes, and look about equally heavy.
double distance(shape s, point p, double radius) {
  switch (s) {
  case shape::circle: return std::hypot(p.x, p.y) - 0.96 * radius;
  case shape::square: return box(p, 0.86 * radius, 0.86 * radius);
  case shape::triangle: return triangle(p, radius);
  case shape::star: return star(p, radius);
  case shape::cross: {
    auto arm = 0.97 * radius, half_width = 0.36 * arm;
    return std::min(box(p, arm, half_width), box(p, half_width, arm));
  }
  case shape::ring: return std::abs(std::hypot(p.x, p.y) - 0.75 * radius) - 0.25 * radius;
  }
  return 1;
}

// ---------------------------------------------------------------- motion

/// Where an object is over the clip.
struct path {
  point from, to; ///< of its middle; circling: from is the middle of its way
  double radius_from = 0, radius_to = 0;
  double turn_radius = 0, turn_start = 0; ///< radians

  point at(double t) const {
    auto angle = turn_start + 2 * std::numbers::pi * t; // clockwise, since y grows downwards
    return {from.x + (to.x - from.x) * t + turn_radius * std::cos(angle),
            from.y + (to.y - from.y) * t + turn_radius * std::sin(angle)};
  }
  double radius(double t) const { return radius_from + (radius_to - radius_from) * t; }
};

point direction(motion m) {
  switch (m) {
  case motion::left: return {-1, 0};
  case motion::right: return {1, 0};
  case motion::up: return {0, -1};
  case motion::down: return {0, 1};
  case motion::up_left: return {-0.8, -0.8};
  case motion::up_right: return {0.8, -0.8};
  case motion::down_left: return {-0.8, 0.8};
  case motion::down_right: return {0.8, 0.8};
  default: return {0, 0};
  }
}

struct stretch {
  double low = 0, high = 0;
};

/// Where an object with this radius may have its middle.
stretch room(place p, bool horizontal, double radius) {
  bool first = p == (horizontal ? place::left : place::top), second = p == (horizontal ? place::right : place::bottom);
  double low = second ? side_px / 2.0 + half_gap_px : margin_px;
  double high = first ? side_px / 2.0 - half_gap_px : side_px - margin_px;
  return {low + radius, high - radius};
}

/// A start from which `step` stays in the room; what does not fit is cut.
std::pair<double, double> place_in(std::mt19937_64& rng, stretch r, double step) {
  step = std::clamp(step, r.low - r.high, r.high - r.low);
  auto start = between(rng, r.low - std::min(0.0, step), r.high - std::max(0.0, step));
  return {start, start + step};
}

double radius_of(std::mt19937_64& rng, const object& o) {
  if (o.place != place::anywhere) return between(rng, 8.5, 10.5);
  return o.size == size::small ? between(rng, 10.5, 12) : between(rng, 15, 17.5);
}

path plan(std::mt19937_64& rng, const object& o) {
  path p;
  p.radius_from = p.radius_to = radius_of(rng, o);
  if (changes_size(o.motion)) {
    p.radius_from = changing_from_px + between(rng, -0.3, 0.3);
    p.radius_to = changing_to_px + between(rng, -0.5, 0);
    if (o.motion == motion::shrinking) std::swap(p.radius_from, p.radius_to);
  }
  if (o.motion == motion::circling) {
    p.turn_radius = between(rng, 8, 9);
    p.turn_start = between(rng, 0, 2 * std::numbers::pi);
  }
  auto widest = std::max(p.radius_from, p.radius_to) + p.turn_radius;
  auto length = o.speed == speed::fast ? between(rng, 24, 30) : between(rng, 13, 17);
  auto toward = direction(o.motion);
  std::tie(p.from.x, p.to.x) = place_in(rng, room(o.place, true, widest), toward.x * length);
  std::tie(p.from.y, p.to.y) = place_in(rng, room(o.place, false, widest), toward.y * length);
  return p;
}

// ---------------------------------------------------------------- pixels

rgb shaded(std::mt19937_64& rng, rgb c) {
  auto moved = [&rng](double channel) {
    return std::clamp(channel + between(rng, -shade_jitter, shade_jitter), 0.0, 255.0);
  };
  auto red = moved(c.red), green = moved(c.green), blue = moved(c.blue); // in this order
  return {red, green, blue};
}

rgb mix(const rgb& a, const rgb& b, double share_of_b) {
  return {a.red + (b.red - a.red) * share_of_b, a.green + (b.green - a.green) * share_of_b,
          a.blue + (b.blue - a.blue) * share_of_b};
}

using canvas = std::vector<rgb>;

canvas draw_background(std::mt19937_64& rng, const background& b) {
  auto first = shaded(rng, rgb_of(b.first)), second = shaded(rng, rgb_of(b.second));
  canvas c;
  c.reserve(side_px * side_px);
  for (int y = 0; y < side_px; ++y)
    for (int x = 0; x < side_px; ++x) {
      double share = b.pattern == pattern::gradient  ? static_cast<double>(y) / (side_px - 1)
                     : b.pattern == pattern::stripes ? x / stripe_px % 2
                                                     : 0;
      c.push_back(mix(first, second, share));
    }
  return c;
}

void draw_object(canvas& c, shape s, const rgb& paint, point middle, double radius) {
  auto first = [radius](double at) { return std::max(0, static_cast<int>(at - radius - 1)); };
  auto last = [radius](double at) { return std::min(side_px - 1, static_cast<int>(at + radius + 1)); };
  for (int y = first(middle.y); y <= last(middle.y); ++y)
    for (int x = first(middle.x); x <= last(middle.x); ++x) {
      auto covered = std::clamp(0.5 - distance(s, {x + 0.5 - middle.x, y + 0.5 - middle.y}, radius), 0.0, 1.0);
      auto& pixel = c[static_cast<std::size_t>(y * side_px + x)];
      if (covered > 0) pixel = mix(pixel, paint, covered);
    }
}

void append_bytes(std::vector<std::uint8_t>& out, const canvas& c) {
  for (const auto& pixel : c)
    for (double channel : {pixel.red, pixel.green, pixel.blue}) out.push_back(static_cast<std::uint8_t>(channel + 0.5));
}

} // namespace

std::vector<std::uint8_t> draw_clip(const scene& s) {
  std::mt19937_64 rng{s.seed};
  const auto empty = draw_background(rng, s.background);
  std::vector<path> paths;
  std::vector<rgb> paints;
  for (const auto& o : s.objects) {
    paints.push_back(shaded(rng, rgb_of(o.colour)));
    paths.push_back(plan(rng, o));
  }
  std::vector<std::uint8_t> out;
  out.reserve(std::size_t{3} * side_px * side_px * clip_frames);
  for (int frame = 0; frame < clip_frames; ++frame) {
    auto t = static_cast<double>(frame) / (clip_frames - 1);
    auto picture = empty;
    for (std::size_t i = 0; i < s.objects.size(); ++i)
      draw_object(picture, s.objects[i].shape, paints[i], paths[i].at(t), paths[i].radius(t));
    append_bytes(out, picture);
  }
  return out;
}

} // namespace reel::world
