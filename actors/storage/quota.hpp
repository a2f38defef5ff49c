// quota.hpp: What tenants use of their days, and whether one more job fits. A job takes one job and the GPU time it is
// expected to need from the day on which it is accepted; success turns the reservation into the time that its
// successful execution was measured to take, every other end gives both back. Executions that failed or were paused are
// not charged.
//
// Use is kept per calendar day of the tenant's zone, and a day is never opened twice: a clock that jumps ahead only
// uses up a later day sooner, one that jumps back finds the earlier day as it was left. Rejected: a counter that is
// set to zero at midnight, which a clock that is set to and fro sets to zero again and again, and a day that can only
// move forward, which one wrong jump to the year 2036 would stop for ten years.
//
// Pure; owned by the ledger's writer.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "actors/quota_limits.hpp"

namespace reel {

/// Of one tenant, one day and one class.
struct day_usage {
  std::int64_t jobs = 0;
  std::int64_t reserved_ms = 0; ///< of GPU time
  std::int64_t settled_ms = 0;  ///< likewise

  day_usage& operator+=(const day_usage& o) {
    jobs += o.jobs;
    reserved_ms += o.reserved_ms;
    settled_ms += o.settled_ms;
    return *this;
  }
  day_usage operator-() const { return {-jobs, -reserved_ms, -settled_ms}; }
  bool operator==(const day_usage&) const = default;
};
using usage_by_class = std::array<day_usage, 4>;

/// What an accepted job holds until it ends.
struct reservation {
  std::int32_t day = 0;
  std::int64_t gpu_ms = 0;
  bool operator==(const reservation&) const = default;
};

/// More is taken for a mistake: 35 years, and a sum of millions of them still fits.
inline constexpr std::uint64_t measured_ms_max = std::uint64_t{1} << 40;

inline day_usage reserved(std::int64_t gpu_ms) { return {1, gpu_ms, 0}; }
inline day_usage settled(const reservation& r, std::uint64_t measured_ms) {
  return {0, -r.gpu_ms, static_cast<std::int64_t>(std::min(measured_ms, measured_ms_max))};
}
inline day_usage refunded(const reservation& r) { return {-1, -r.gpu_ms, 0}; }

inline day_usage sum_of(const usage_by_class& used) {
  day_usage sum;
  for (const auto& one : used) sum += one;
  return sum;
}

/// Which limit per day one more job that needs `gpu_ms` would break.
quota_kind exceeded_by(const tenant_quota& limits, const usage_by_class& used, job_class cls, std::int64_t gpu_ms);

/// What is left of the day for jobs of this class.
quota_standing standing_of(const tenant_quota& limits, const usage_by_class& used, job_class cls,
                           std::chrono::milliseconds until_next_day);

/// For people.
quota_view view_of(const tenant_id& tenant, const tenant_quota& limits, const usage_by_class& used,
                   const std::array<std::uint64_t, 4>& queued, std::chrono::milliseconds until_next_day);

/// Today in each zone, so that not every job has to look for its end. As large as the tenants file has zones.
class day_clock {
public:
  calendar_day today(const time_zone& zone, wall_time now) {
    auto& known = known_[zone.name()];
    if (now < known.from || now >= known.day.ends) known = {now, zone.day_at(now)};
    return known.day;
  }

private:
  struct since {
    wall_time from{};
    calendar_day day;
  };
  std::map<std::string, since> known_;
};

/// What the jobs of a kind take on the GPU, foretold from those that succeeded lately: an average in which the latest
/// counts an eighth. Kinds are numbers in which the batch key was hashed; a thousand are remembered, and where two
/// fall on one place the later one stays. Not kept over a restart.
class gpu_estimates {
public:
  explicit gpu_estimates(std::chrono::milliseconds first) : first_{first}, places_(places_count) {}

  /// `first` until one was measured.
  std::int64_t estimate_ms(std::uint64_t kind) const {
    const auto& p = places_[kind % places_count];
    return p.known && p.kind == kind ? static_cast<std::int64_t>(p.average_ms) : first_.count();
  }
  void measured(std::uint64_t kind, std::uint64_t gpu_ms) {
    auto& p = places_[kind % places_count];
    const auto ms = static_cast<double>(std::min(gpu_ms, measured_ms_max));
    const bool known = p.known && p.kind == kind;
    p = {kind, known ? p.average_ms + (ms - p.average_ms) / 8 : ms, true};
  }

private:
  static constexpr std::size_t places_count = 1024;
  struct place {
    std::uint64_t kind = 0;
    double average_ms = 0;
    bool known = false;
  };
  std::chrono::milliseconds first_;
  std::vector<place> places_;
};

/// The days that the ledger works with, and what of them has changed since they were written. Tenants are the ledger's
/// numbers. One day per tenant is at hand; another one is read from the file.
class quota_book {
public:
  using place = std::tuple<std::int64_t, std::int32_t, job_class>; ///< tenant, day, class
  using find_day = std::function<usage_by_class(std::int64_t tenant, std::int32_t day)>;

  explicit quota_book(find_day find) : find_{std::move(find)} {}

  const usage_by_class& of_day(std::int64_t tenant, std::int32_t day);
  void change(std::int64_t tenant, std::int32_t day, job_class cls, const day_usage& by);

  const std::map<place, day_usage>& changes() const { return changes_; }
  void keep_changes() { changes_.clear(); }
  void undo_changes();

private:
  struct account {
    std::int32_t day = 0;
    usage_by_class used{};
  };
  void add_if_at_hand(const place& at, const day_usage& by);

  find_day find_;
  std::unordered_map<std::int64_t, account> accounts_;
  std::map<place, day_usage> changes_;
};

} // namespace reel
