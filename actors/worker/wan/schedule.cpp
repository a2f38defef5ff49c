#include "actors/worker/wan/schedule.hpp"

#include <cmath>
#include <stdexcept>

namespace reel::wan {
namespace {

double shifted(double sigma, double shift) { return shift * sigma / (1 + (shift - 1) * sigma); }

/// What the formulas of section 7 are written in. lambda is -inf at sigma 1 and +inf at sigma 0; every use of
/// an infinite one below gives the formula's limit.
struct level {
  double sigma, alpha, lambda;
  explicit level(double s) : sigma{s}, alpha{1 - s}, lambda{std::log((1 - s) / s)} {}
};

/// Levels before rounding to float: the reference takes its timesteps from these.
std::vector<double> exact_sigmas(const schedule_options& o) {
  double first = 1, last = 0, parts = o.steps;
  if (o.sampler == sampler_kind::unipc) first = static_cast<float>(1 - 1.0 / o.train_timesteps);
  if (o.sampler == sampler_kind::euler) {
    last = shifted(1.0 / o.train_timesteps, o.shift); // shifted once here and again below, as the reference does
    parts = std::max(1, o.steps - 1);                 // the last level belongs to the run
  }
  std::vector<double> out;
  for (int i = 0; i < o.steps; ++i) out.push_back(shifted(first + (last - first) * i / parts, o.shift));
  return out;
}

/// x_to = sum over x_from and the two latest predictions; `older` is m1's level.
predictor_weights second_order(const level& from, const level& to, const level& older) {
  auto h = to.lambda - from.lambda;
  auto base = -to.alpha * std::expm1(-h);
  auto slope = 0.5 * h / (from.lambda - older.lambda); // 0 when the older level was pure noise
  return {to.sigma / from.sigma, base * (1 + slope), -base * slope};
}

predictor_weights first_order(const level& from, const level& to) {
  return {to.sigma / from.sigma, -to.alpha * std::expm1(-(to.lambda - from.lambda)), 0};
}

/// UniPC's corrector with the order of the predictor that made x_i; `older` is the level of m1.
corrector_weights correction(const level& from, const level& to, const level* older) {
  auto h = to.lambda - from.lambda;
  auto e = std::expm1(-h);
  auto scale = to.alpha * e;
  corrector_weights w{to.sigma / from.sigma, -scale, 0, 0};
  if (!older) {
    w.now = -scale * 0.5;
    w.m0 -= w.now;
    return w;
  }
  auto rk = (older->lambda - from.lambda) / h;
  auto ratio = e / -h - 1;
  auto b1 = ratio / e, b2 = 2 * (ratio / -h - 0.5) / e;
  auto r0 = (b2 - b1) / (rk - 1);
  w.now = -scale * (b1 - r0);
  w.m1 = -scale * r0 / rk;
  w.m0 -= w.now + w.m1;
  return w;
}

predictor_weights prediction(const schedule_options& o, const std::vector<level>& levels, int i) {
  if (o.sampler == sampler_kind::euler) { // x + (sigma' - sigma) v with v = (x - m) / sigma
    auto keep = levels[i + 1].sigma / levels[i].sigma;
    return {keep, 1 - keep, 0};
  }
  if (i == o.steps - 1) return {0, 1, 0}; // to level 0: the prediction itself
  if (i == 0) return first_order(levels[i], levels[i + 1]);
  return second_order(levels[i], levels[i + 1], levels[i - 1]);
}

} // namespace

std::vector<float> make_sigmas(const schedule_options& o) {
  auto exact = exact_sigmas(o);
  std::vector<float> out{exact.begin(), exact.end()};
  out.push_back(0);
  return out;
}

std::vector<schedule_step> make_schedule(const schedule_options& o) {
  if (o.steps < 1 || o.train_timesteps < 2 || o.steps > o.train_timesteps || !(o.shift > 0))
    throw std::invalid_argument{"schedule: steps 1 to train_timesteps and shift above 0 are allowed"};
  auto exact = exact_sigmas(o);
  std::vector<level> levels;
  for (auto s : make_sigmas(o)) levels.emplace_back(s);

  std::vector<schedule_step> out(o.steps);
  for (int i = 0; i < o.steps; ++i) {
    out[i].sigma = levels[i].sigma;
    out[i].timestep = o.sampler == sampler_kind::euler ? static_cast<float>(o.train_timesteps * exact[i])
                                                       : std::trunc(o.train_timesteps * exact[i]);
    out[i].predict = prediction(o, levels, i);
    if (o.sampler == sampler_kind::unipc && i > 0)
      out[i].correct = correction(levels[i - 1], levels[i], i > 1 ? &levels[i - 2] : nullptr);
  }
  return out;
}

} // namespace reel::wan
