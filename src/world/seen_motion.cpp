#include "src/world/seen_motion.hpp"

namespace reel::world::seen {

namespace {

constexpr double least_path_px = 6.5;  ///< over the clip; slow objects go 13, diagonally 10 along each axis
constexpr double least_growth = 1.35;  ///< of the radius over the clip; what grows doubles and more
constexpr double most_wander_px = 2.6; ///< from a straight line, root mean square; a turn has 6

/// A value over time as a straight line, little moved by single frames that are off.
struct trend {
  double begin = 0, end = 0;
  double wander = 0; ///< root mean square of what the line leaves

  double change() const { return end - begin; }
};

struct point {
  double time, value; ///< time 0 to 1
};

/// Least squares, then twice more with what lies far off counting less.
trend fit(const std::vector<point>& points) {
  trend out;
  std::vector<double> weights(points.size(), 1);
  for (int round = 0; round < 3; ++round) {
    double w = 0, t = 0, v = 0, tt = 0, tv = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      auto& p = points[i];
      w += weights[i], t += weights[i] * p.time, v += weights[i] * p.value;
      tt += weights[i] * p.time * p.time, tv += weights[i] * p.time * p.value;
    }
    auto spread = tt - t * t / w;
    auto slope = spread > 1e-9 ? (tv - t * v / w) / spread : 0;
    out.begin = v / w - slope * t / w;
    out.end = out.begin + slope;
    out.wander = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      auto off = points[i].value - out.begin - slope * points[i].time;
      out.wander += off * off / static_cast<double>(points.size());
      weights[i] = 1 / (1 + off * off / 4);
    }
    out.wander = std::sqrt(out.wander);
  }
  return out;
}

motion direction_of(double dx, double dy) {
  constexpr double diagonal = .45; ///< of the longer axis: nearer to a diagonal than to the axis
  auto sideways = std::abs(dx) > diagonal * std::abs(dy), upright = std::abs(dy) > diagonal * std::abs(dx);
  if (sideways && upright) {
    if (dy < 0) return dx < 0 ? motion::up_left : motion::up_right;
    return dx < 0 ? motion::down_left : motion::down_right;
  }
  if (sideways) return dx < 0 ? motion::left : motion::right;
  return dy < 0 ? motion::up : motion::down;
}

} // namespace

motion find_motion(const track& t) {
  std::vector<point> x, y, radius;
  auto last = static_cast<double>(t.per_frame.size() - 1);
  for (std::size_t i = 0; i < t.per_frame.size(); ++i)
    if (auto& s = t.per_frame[i]) {
      auto time = static_cast<double>(i) / last;
      x.push_back({time, s->x_px});
      y.push_back({time, s->y_px});
      radius.push_back({time, std::sqrt(s->area_px)});
    }
  if (x.size() < 3) return motion::still;
  auto along = fit(x), down = fit(y), growth = fit(radius);
  auto wander = std::hypot(along.wander, down.wander);
  if (wander > most_wander_px && wander > .15 * std::hypot(along.change(), down.change())) return motion::circling;
  auto path = std::hypot(along.change(), down.change());
  auto ratio = std::max(growth.end, 1.) / std::max(growth.begin, 1.);
  if (path < 2 * least_path_px && ratio > least_growth) return motion::growing;
  if (path < 2 * least_path_px && ratio < 1 / least_growth) return motion::shrinking;
  return path < least_path_px ? motion::still : direction_of(along.change(), down.change());
}

} // namespace reel::world::seen
