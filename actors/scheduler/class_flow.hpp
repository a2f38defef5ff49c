// class_flow.hpp: How much work comes in, by class: what a waiting job will be passed by. Arrivals fade with the time
// constant `fades_in`, long beside a batch and short beside a day; they count by when they were created, so that a
// ledger read anew does not look like a rush. What a job costs is the mean of those that ran lately.
//
// Plain value; owned by the scheduler core. Never reads a clock.
#pragma once

#include <array>
#include <cmath>
#include <optional>

#include "messages/job.hpp"

namespace reel {

class class_flow {
public:
  static constexpr std::chrono::minutes fades_in{120};

  void arrived(job_class c, wall_time created) {
    auto& f = at(c);
    if (!f.first) f.first = f.latest = created;
    if (created > f.latest) {
      f.count *= faded(created - f.latest);
      f.latest = created;
    }
    f.count += faded(f.latest - created);
  }

  void ran(job_class c, std::size_t jobs, double gpu_s) {
    constexpr double weight_of_new = 0.05;
    auto each = gpu_s / static_cast<double>(jobs);
    auto& f = at(c);
    f.gpu_s = f.gpu_s ? *f.gpu_s + weight_of_new * (each - *f.gpu_s) : each;
  }

  /// Jobs per second, of late.
  double jobs_per_s(job_class c, wall_time now) const {
    constexpr double seen_least_s = 1800; // one job alone is no rate
    const auto& f = at(c);
    if (!f.first) return 0;
    auto seen_s = std::max(std::chrono::duration<double>(now - *f.first).count(), seen_least_s);
    auto constant_s = std::chrono::duration<double>(fades_in).count();
    return f.count * faded(now - f.latest) / (constant_s * -std::expm1(-seen_s / constant_s));
  }
  std::optional<double> gpu_s(job_class c) const { return at(c).gpu_s; } ///< of a job; nothing: none ran

private:
  struct flow {
    double count = 0; ///< arrivals, faded; as of `latest`
    std::optional<wall_time> first;
    wall_time latest{};
    std::optional<double> gpu_s;
  };
  static double faded(std::chrono::milliseconds passed) {
    return std::exp(-std::max(0.0, std::chrono::duration<double>(passed) / std::chrono::duration<double>(fades_in)));
  }
  flow& at(job_class c) { return flows_[static_cast<std::size_t>(c)]; }
  const flow& at(job_class c) const { return flows_[static_cast<std::size_t>(c)]; }

  std::array<flow, 4> flows_;
};

} // namespace reel
