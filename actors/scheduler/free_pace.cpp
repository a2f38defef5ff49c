#include "actors/scheduler/free_pace.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

namespace {

double seconds(std::chrono::milliseconds d) { return std::chrono::duration<double>(d).count(); }

/// Below one worker: none yet. Above: as many as it takes to be done in time.
std::size_t whole_workers(double rate) { return rate < 1 ? 0 : static_cast<std::size_t>(std::ceil(rate - 1e-9)); }

/// Workers all the time until then so that so much is done, when `expected` are there in the off-peak hours anyway.
double rate_of(double owed_s, double peak_s, double off_peak_s, double expected) {
  auto left = owed_s - off_peak_s * expected;
  if (left <= 0) return 0;
  return left <= peak_s * expected ? left / peak_s : owed_s / (peak_s + off_peak_s);
}

} // namespace

free_pace pace_of(const pace_question& q, const off_peak_windows& windows, wall_time now) {
  constexpr double workers_most = 1e6; // a deadline that has passed must not overflow the count
  double owed = q.running_s, rate = 0;
  free_pace p;
  for (const auto& w : q.work) {
    owed += w.gpu_s;
    auto begun_by = w.due - q.longest;
    if (begun_by <= now) {
      rate = std::max({rate, 1.0, owed / std::max(seconds(q.longest), 1e-3)});
      continue;
    }
    auto off_peak_s = seconds(windows.within(now, begun_by));
    auto peak_s = seconds(begun_by - now) - off_peak_s;
    auto own = rate_of(owed, peak_s, off_peak_s, q.workers);
    rate = std::max(rate, own);
    // It will be a whole worker more when so much of the peak hours has passed.
    auto left = owed - off_peak_s * q.workers;
    auto rest_s = peak_s - left / std::max(1.0, std::ceil(own));
    if (left <= 0 || rest_s <= 0) continue;
    auto at = now + std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(rest_s));
    if (!p.next || at < *p.next) p.next = at;
  }
  p.workers = whole_workers(std::min(rate, workers_most));
  return p;
}

} // namespace reel
