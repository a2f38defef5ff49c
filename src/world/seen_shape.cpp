#include "src/world/seen_shape.hpp"

#include <array>
#include <limits>
#include <numbers>

namespace reel::world::seen {

namespace {

constexpr std::array shapes{shape::circle, shape::square, shape::triangle, shape::star, shape::cross, shape::ring};
constexpr int canon_cells = 32;      ///< along each side of the averaged picture
constexpr double canon_reach = 1.05; ///< of it from the centre, in square roots of the area: a triangle's tip fits
/// Standard deviations of the blur that shapes are compared with, in square roots of the area, and which of them a
/// model or a video can have made, in pixels.
constexpr std::array blurs{.03, .05, .08, .12, .17};
constexpr double least_blur_px = .3, most_blur_px = 2.2;

using canon = std::array<float, canon_cells * canon_cells>;

/// A star's edge goes straight from its tip (angle 0) to the notch beside it (36 degrees).
bool is_inside_star(double x, double y) {
  constexpr auto fifth = 2 * std::numbers::pi / 5;
  constexpr auto tip = 1.05, notch = .52 * tip, below_middle = .095 * tip;
  y -= below_middle;
  auto angle = std::remainder(std::atan2(x, -y), fifth);
  auto px = std::hypot(x, y) * std::cos(angle), py = std::hypot(x, y) * std::sin(std::abs(angle));
  auto nx = notch * std::cos(fifth / 2), ny = notch * std::sin(fifth / 2);
  return (nx - tip) * py - ny * (px - tip) >= 0;
}

/// Whether (x, y), y down, is in the shape of radius 1. Told once more, apart from drawing.cpp: a mistake there shall
/// be seen here.
bool is_inside(shape s, double x, double y) {
  auto r = std::hypot(x, y), longer = std::max(std::abs(x), std::abs(y)), shorter = std::min(std::abs(x), std::abs(y));
  switch (s) {
  case shape::circle: return r <= .96;
  case shape::square: return longer <= .86;
  case shape::triangle: return y <= .93 && y >= -.93 + 1.86 * std::abs(x);
  case shape::star: return is_inside_star(x, y);
  case shape::cross: return longer <= .97 && shorter <= .36 * .97;
  case shape::ring: return r <= 1 && r >= .5;
  }
  return false;
}

constexpr int fine = 256; ///< samples across -1.1..1.1 for the area of a shape

double unit_area(shape s) {
  static const auto areas = [] {
    std::array<double, shapes.size()> out{};
    auto place = [](int i) { return ((i + .5) / fine * 2 - 1) * 1.1; };
    for (auto of : shapes)
      for (int i = 0; i < fine * fine; ++i)
        if (is_inside(of, place(i % fine), place(i / fine)))
          out[static_cast<std::size_t>(of)] += 2.2 * 2.2 / (fine * fine);
    return out;
  }();
  return areas[static_cast<std::size_t>(s)];
}

float between_pixels(const plane<float>& p, double x, double y) {
  x -= .5, y -= .5;
  auto x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  auto fx = static_cast<float>(x - x0), fy = static_cast<float>(y - y0);
  auto at = [&p](int ix, int iy) { return p.has(ix, iy) ? p.at(ix, iy) : 0.f; };
  return (1 - fy) * ((1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0)) +
         fy * ((1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1));
}

void add_to(canon& sum, const sighting& s, float weight) {
  auto unit = std::sqrt(s.area_px);
  for (int i = 0; i < canon_cells; ++i)
    for (int k = 0; k < canon_cells; ++k) {
      auto place = [](int cell) { return ((cell + .5) / canon_cells * 2 - 1) * canon_reach; };
      sum[static_cast<std::size_t>(i * canon_cells + k)] +=
          weight * between_pixels(s.cover, s.x_px + place(k) * unit, s.y_px + place(i) * unit);
    }
}

plane<float> blurred(const plane<float>& p, double sigma_px) {
  auto reach = static_cast<int>(std::ceil(3 * sigma_px));
  std::vector<float> kernel;
  float sum = 0;
  for (int i = -reach; i <= reach; ++i) {
    kernel.push_back(static_cast<float>(std::exp(-i * i / (2 * sigma_px * sigma_px))));
    sum += kernel.back();
  }
  auto pass = [&kernel, sum, reach](const plane<float>& in, int dx, int dy) {
    plane<float> out{in.width, in.height};
    for (int y = 0; y < in.height; ++y)
      for (int x = 0; x < in.width; ++x)
        for (int i = -reach; i <= reach; ++i)
          if (in.has(x + i * dx, y + i * dy))
            out.at(x, y) += kernel[static_cast<std::size_t>(i + reach)] / sum * in.at(x + i * dx, y + i * dy);
    return out;
  };
  return pass(pass(p, 1, 0), 0, 1);
}

/// A shape as the reader would see it: drawn with smooth edges, blurred, measured.
canon draw_canon(shape s, double blur) {
  constexpr double unit_px = 22; ///< square root of its area
  constexpr int side = 64, sub = 4;
  auto radius = radius_of(s, unit_px * unit_px);
  plane<float> drawn{side, side};
  for (int y = 0; y < side * sub; ++y)
    for (int x = 0; x < side * sub; ++x) {
      auto unit = [radius](int i) { return ((i + .5) / sub - side / 2.) / radius; };
      if (is_inside(s, unit(x), unit(y))) drawn.at(x / sub, y / sub) += 1.f / (sub * sub);
    }
  sighting seen{.cover = blurred(drawn, blur * unit_px)};
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      auto& cover = seen.cover.at(x, y);
      cover = sharpened(cover);
      seen.area_px += cover;
      seen.x_px += cover * (x + .5);
      seen.y_px += cover * (y + .5);
    }
  seen.x_px /= seen.area_px;
  seen.y_px /= seen.area_px;
  canon out{};
  add_to(out, seen, 1);
  return out;
}

struct known_shape {
  world::shape shape{};
  double blur = 0;
  canon picture;
};

const std::vector<known_shape>& known_shapes() {
  static const auto all = [] {
    std::vector<known_shape> out;
    for (auto s : shapes)
      for (auto blur : blurs) out.push_back({s, blur, draw_canon(s, blur)});
    return out;
  }();
  return all;
}

double difference(const canon& a, const canon& b) {
  double out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) out += (a[i] - b[i]) * (a[i] - b[i]);
  return out;
}

} // namespace

shape find_shape(const track& t) {
  canon seen{};
  int frames = 0;
  for (auto& s : t.per_frame)
    if (s) add_to(seen, *s, 1), ++frames;
  for (auto& cell : seen) cell /= static_cast<float>(std::max(frames, 1));
  auto best = shape::circle;
  auto least = std::numeric_limits<double>::infinity();
  for (auto& known : known_shapes()) {
    auto blur_px = known.blur * std::sqrt(t.mean_area_px);
    if (blur_px < least_blur_px || blur_px > most_blur_px) continue;
    if (auto d = difference(seen, known.picture); d < least) least = d, best = known.shape;
  }
  return best;
}

double radius_of(shape s, double area_px) { return std::sqrt(area_px / unit_area(s)); }

} // namespace reel::world::seen
