#include "actors/scheduler/batch_planner.hpp"

#include <algorithm>

namespace reel {

/// Powers of two, what was measured, and the most that fits: between these a curve says nothing new, and a size that
/// is better by the scatter of a guess is not better.
std::vector<std::size_t> batch_planner::candidates(const question& q, std::size_t fitting) const {
  auto sizes = cost_.measured(q.key, fitting, 2, q.device);
  for (std::size_t n = 1; n < fitting; n *= 2) sizes.push_back(n);
  sizes.push_back(fitting);
  std::ranges::sort(sizes);
  return sizes;
}

std::size_t batch_planner::best_of(const question& q, std::size_t fitting) const {
  struct choice {
    std::size_t size;
    double rate;
  };
  std::vector<choice> all, in_time;
  for (auto n : candidates(q, fitting)) {
    auto takes = cost_.predict(q.key, n, q.device);
    if (!takes) return fitting;
    auto whole = *takes + q.cold_start;
    all.push_back({n, static_cast<double>(n) / std::max(std::chrono::duration<double>(whole).count(), 1e-9)});
    if (q.time_left && whole <= *q.time_left) in_time.push_back(all.back());
  }
  const auto& from = in_time.empty() ? all : in_time; // a deadline that no size can meet changes nothing
  auto enough = std::ranges::max(from, {}, &choice::rate).rate * (1 - tie);
  return std::ranges::find_if(from, [enough](const choice& c) { return c.rate >= enough; })->size;
}

std::size_t batch_planner::best(const question& q, instant now) const {
  return best_of(q, std::max<std::size_t>(1, memory_.fits(q.key, q.most, q.device_bytes, now)));
}

double batch_planner::rate(const question& q, instant now) const {
  auto fitting = std::max<std::size_t>(1, memory_.fits(q.key, q.most, q.device_bytes, now));
  auto size = best_of(q, std::min(fitting, q.waiting));
  auto takes = cost_.predict(q.key, size, q.device);
  if (!takes) return 0;
  return static_cast<double>(size) / std::max(std::chrono::duration<double>(*takes + q.cold_start).count(), 1e-9);
}

std::size_t batch_planner::join_size(const join_question& q, instant now) const {
  auto fitting = memory_.fits(q.key, q.most, q.device_bytes, now);
  auto seconds = [&](std::size_t jobs) {
    auto takes = cost_.predict(q.key, jobs, q.device);
    return takes ? std::chrono::duration<double>(*takes).count() : 0;
  };
  auto alone = seconds(q.running);
  if (alone <= 0) return 0;
  auto left = static_cast<double>(q.steps_left) / q.key.steps_left();
  std::size_t best = 0;
  double best_gain = 0;
  for (std::size_t n = 1; n <= q.waiting && q.running + n <= fitting; ++n) {
    auto together = seconds(q.running + n), after = seconds(n);
    auto saved = alone + after - together, slower = together - alone;
    if (q.time_left && left * together > std::chrono::duration<double>(*q.time_left).count()) break;
    auto gain = static_cast<double>(n) * saved - static_cast<double>(q.running) * slower;
    if (saved < join_least * (alone + after) || gain <= best_gain) continue;
    best = n;
    best_gain = gain;
  }
  return best;
}

std::size_t batch_planner::choose(const question& q, instant now) {
  auto fitting = std::max<std::size_t>(1, memory_.fits(q.key, q.most, q.device_bytes, now));
  auto best = best_of(q, std::min(fitting, q.waiting));
  if (auto other = explore(q, best, fitting)) return *other;
  return best;
}

std::optional<std::size_t> batch_planner::explore(const question& q, std::size_t best, std::size_t fitting) {
  auto number = ++batches_.touch(q.key);
  if (number % explore_new != 0 || cost_.count(q.key, best, q.device) == 0 || q.waiting < 4 * best || q.time_left)
    return {};
  auto half = best / 2, twice = std::min(2 * best, fitting);
  bool has_half = half >= 1, has_twice = twice > best;
  if (has_half && cost_.count(q.key, half, q.device) == 0) return half;
  if (has_twice && cost_.count(q.key, twice, q.device) == 0) return twice;
  if (number % explore_again != 0) return {};
  if (number / explore_again % 2 == 0) return has_half ? std::optional{half} : std::nullopt;
  return has_twice ? std::optional{twice} : std::nullopt;
}

} // namespace reel
