// learned_curve.hpp: A quantity (seconds, bytes) as a function of batch size: a prior curve times what the
// measurements say about it. Both models of the scheduler (cost_model, memory_model) are tables of these.
//
// Each measured size keeps the ratio "measured / prior": mean and spread, exponentially weighted. A size between two
// measured ones gets the ratio between theirs, one outside gets that of the nearest: so a prior that is wrong by a
// factor is right everywhere after one measurement, and one whose form is wrong is right where it was measured.
//
// Value type, at most `limits::batch_jobs_max` sizes. Never reads a clock.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

namespace reel {

/// Points (batch size, value), rising in size, at least one; straight lines between, the last slope beyond.
struct prior_curve {
  std::vector<std::pair<std::size_t, double>> points;
  double at(std::size_t size) const;
  bool operator==(const prior_curve&) const = default;
};

class learned_curve {
public:
  static constexpr double weight_of_new = 0.3; ///< of a measurement, beside all before

  struct estimate {
    double ratio = 1;        ///< to the prior
    double spread = 0;       ///< standard deviation of the ratio, where it was measured
    std::uint32_t count = 0; ///< measurements behind it
    bool exact = false;      ///< of this very size
  };

  void learn(std::size_t size, double ratio) {
    auto [found, first] = samples_.try_emplace(size, sample{ratio, 0, 0});
    auto& s = found->second;
    auto change = ratio - s.mean;
    if (!first) {
      s.mean += weight_of_new * change;
      s.variance = (1 - weight_of_new) * (s.variance + weight_of_new * change * change);
    }
    if (s.count < count_most) ++s.count;
    if (total_ < count_most) ++total_;
  }

  /// Without any measurement: ratio 1, count 0.
  estimate at(std::size_t size) const {
    if (samples_.empty()) return {};
    auto above = samples_.lower_bound(size);
    if (above == samples_.end()) return of(*std::prev(above), false);
    if (above->first == size) return of(*above, true);
    if (above == samples_.begin()) return of(*above, false);
    auto below = std::prev(above);
    auto part = static_cast<double>(size - below->first) / static_cast<double>(above->first - below->first);
    const auto &a = below->second, &b = above->second;
    return {a.mean + part * (b.mean - a.mean), std::sqrt(std::max(a.variance, b.variance)), std::min(a.count, b.count),
            false};
  }

  std::uint32_t count(std::size_t size) const {
    auto found = samples_.find(size);
    return found == samples_.end() ? 0 : found->second.count;
  }
  /// The sizes below `limit` measured at least so often, rising.
  std::vector<std::size_t> sizes(std::size_t limit, std::uint32_t times) const {
    std::vector<std::size_t> all;
    for (const auto& [size, s] : samples_)
      if (size < limit && s.count >= times) all.push_back(size);
    return all;
  }

  std::uint32_t total() const { return total_; } ///< measurements of all sizes
  bool empty() const { return samples_.empty(); }

private:
  static constexpr std::uint32_t count_most = 1'000'000;
  struct sample {
    double mean = 1, variance = 0;
    std::uint32_t count = 0;
  };
  static estimate of(const std::pair<const std::size_t, sample>& s, bool exact) {
    return {s.second.mean, std::sqrt(s.second.variance), s.second.count, exact};
  }
  std::map<std::size_t, sample> samples_;
  std::uint32_t total_ = 0;
};

inline double prior_curve::at(std::size_t size) const {
  auto above = points.begin();
  while (above != points.end() && above->first < size) ++above;
  if (above != points.end() && above->first == size) return above->second;
  if (points.size() == 1 || above == points.begin())
    return points.front().second * static_cast<double>(size) / static_cast<double>(points.front().first);
  if (above == points.end()) --above;
  auto below = std::prev(above);
  auto slope = (above->second - below->second) / static_cast<double>(above->first - below->first);
  return below->second + slope * static_cast<double>(size - below->first);
}

} // namespace reel
