// quota_limits.hpp: How much a tenant may use, as the tenants file says it: the gateway reads it, the ledger counts
// what is per day and in the queue, the scheduler what runs. Plain values; what is not there has no limit.
#pragma once

#include <algorithm>
#include <optional>

#include "messages/job.hpp"
#include "messages/quota.hpp"
#include "runtime/time_zone.hpp"

namespace reel {

struct quota_limits {
  std::optional<std::uint64_t> queued_jobs_max; ///< accepted and not ended
  std::optional<std::uint64_t> running_jobs_max;
  std::optional<std::uint64_t> jobs_per_day;
  std::optional<std::chrono::milliseconds> gpu_time_per_day;
  bool is_per_day() const { return jobs_per_day || gpu_time_per_day; }
  bool operator==(const quota_limits&) const = default;
};

struct tenant_quota {
  quota_limits all; ///< of all classes together
  std::array<quota_limits, 4> by_class{};
  time_zone zone; ///< in which its days begin

  const quota_limits& of(job_class c) const { return by_class[static_cast<std::size_t>(c)]; }
  bool is_per_day() const {
    return all.is_per_day() || std::ranges::any_of(by_class, [](const auto& one) { return one.is_per_day(); });
  }
  bool operator==(const tenant_quota&) const = default;
};

} // namespace reel
