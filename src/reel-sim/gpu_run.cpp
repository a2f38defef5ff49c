#include "src/reel-sim/gpu_run.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace reel::sim {

std::size_t gpu_run::jobs() const {
  return std::accumulate(riders_.begin(), riders_.end(), std::size_t{0},
                         [](std::size_t n, const rider& r) { return n + r.batch.jobs.size(); });
}

int gpu_run::most_steps_left() const {
  return riders_.empty() ? 0 : std::ranges::max(riders_, {}, &rider::steps_left).steps_left;
}

int gpu_run::least_steps_left() const {
  return riders_.empty() ? 0 : std::ranges::min(riders_, {}, &rider::steps_left).steps_left;
}

/// Of those that end next.
std::int64_t gpu_run::next_saving() const {
  std::int64_t longest = 0;
  for (const auto& r : riders_)
    if (r.steps_left == least_steps_left()) longest = std::max(longest, r.saving);
  return longest;
}

void gpu_run::take_in(rider r, std::int64_t now) {
  since_ = now + r.loading;
  riders_.push_back(std::move(r));
  if (riders_.size() == 1) return;
  for (auto& one : riders_) one.together = std::max(one.together, jobs());
}

int gpu_run::passes_done(std::int64_t now) const {
  if (now <= since_) return 0;
  // A boundary lies on the millisecond after the pass; it counts as done.
  auto passes = static_cast<int>(std::floor(static_cast<double>(now - since_) / step_ms_ + 1e-9));
  return std::min(passes, most_steps_left());
}

std::int64_t gpu_run::after_passes(int passes) const {
  return since_ + std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(passes * step_ms_)));
}

std::int64_t gpu_run::boundary(std::int64_t now) const {
  if (now <= since_) return since_;
  auto done = passes_done(now);
  return done > 0 && after_passes(done) == now ? now : after_passes(done + 1);
}

int gpu_run::advance(std::int64_t now) {
  if (now <= since_) return 0;
  auto passes = passes_done(now);
  auto all = static_cast<double>(jobs());
  for (auto& r : riders_) {
    r.computed += static_cast<double>(now - since_) * static_cast<double>(r.batch.jobs.size()) / all;
    auto own = std::min(passes, r.steps_left);
    r.steps_left -= own;
    r.steps_ran += own;
  }
  since_ = now;
  return passes;
}

std::vector<rider> gpu_run::take_ended() {
  std::vector<rider> ended;
  std::erase_if(riders_, [&ended](rider& r) {
    if (r.steps_left > 0) return false;
    ended.push_back(std::move(r));
    return true;
  });
  return ended;
}

} // namespace reel::sim
