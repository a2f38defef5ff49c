#include "actors/scheduler/free_pace.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

namespace {

double seconds(std::chrono::milliseconds d) { return std::chrono::duration<double>(d).count(); }

/// Below one worker: none yet. Above: as many as it takes to be done in time.
std::size_t whole_workers(double rate) { return rate < 1 ? 0 : static_cast<std::size_t>(std::ceil(rate - 1e-9)); }

} // namespace

free_pace pace_of(const pace_question& q, const off_peak_windows& windows, wall_time now) {
  constexpr double late_most = 1e6; // workers: a deadline that has passed must not overflow the count
  double owed = q.running_s;
  double rate = 0;
  std::vector<std::pair<double, double>> rest; // what has to be done in peak hours, and how long these are
  for (const auto& w : q.work) {
    owed += w.gpu_s;
    auto begun_by = w.due - q.longest;
    auto off_peak = windows.within(now, begun_by);
    auto left = owed - seconds(off_peak) * static_cast<double>(q.workers);
    if (left <= 0) continue;
    auto peak_s = seconds(begun_by - now - off_peak);
    if (peak_s > 0) rest.emplace_back(left, peak_s);
    rate = std::max(rate, peak_s > 0 ? left / peak_s : std::max(1.0, left / std::max(seconds(q.longest), 1e-3)));
  }
  free_pace p{whole_workers(std::min(rate, late_most)), {}};
  // The rate reaches the next whole worker when so much of the peak hours has passed.
  auto more = std::max(1.0, static_cast<double>(p.workers));
  for (auto [left, peak_s] : rest) {
    auto at = now + std::chrono::ceil<std::chrono::milliseconds>(
                        std::chrono::duration<double>(std::max(0.0, peak_s - left / more)));
    if (!p.next || at < *p.next) p.next = at;
  }
  return p;
}

} // namespace reel
