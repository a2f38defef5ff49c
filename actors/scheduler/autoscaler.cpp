#include "actors/scheduler/autoscaler.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

namespace {

std::uint32_t clamp_up(double workers, bool any_work, scaling_bounds b) {
  auto whole = std::ceil(std::clamp(workers, any_work ? 1.0 : 0.0, static_cast<double>(b.most)));
  return std::clamp(static_cast<std::uint32_t>(whole), b.least, b.most);
}

} // namespace

std::uint32_t autoscaler::update(const work_load& load, scaling_bounds bounds, instant now) {
  if (needs_.empty()) note({now, wanted_});
  auto workers = load.gpu_s / std::chrono::duration<double>(options_.drain_target).count();
  auto surely = clamp_up(workers - options_.margin, load.jobs > 0, bounds);
  note({now, clamp_up(workers, load.jobs > 0, bounds)});
  while (now - needs_.front().at > options_.cooldown) needs_.pop_front();
  auto highest = std::clamp(needs_.front().workers, bounds.least, bounds.most);
  return wanted_ = std::clamp(wanted_, surely, highest);
}

/// What was lower and came before never is the highest again.
void autoscaler::note(need n) {
  while (!needs_.empty() && needs_.back().workers <= n.workers) needs_.pop_back();
  needs_.push_back(n);
}

} // namespace reel
