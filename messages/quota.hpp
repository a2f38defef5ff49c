// quota.hpp: What a tenant may use, and what it has used of its day: the calendar day in its own time zone. The ledger
// keeps the count (actors/storage/quota.hpp); -1 stands for "no limit".
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "messages/ids.hpp"

namespace reel {

/// Values are sent: never renumber.
enum class quota_kind : std::uint8_t {
  none = 0,
  queued_jobs = 1,         ///< room comes back when jobs end
  jobs_per_day = 2,        ///< room comes back with the tenant's next day
  gpu_seconds_per_day = 3, ///< likewise, or when running jobs take less than was reserved for them
};
std::string_view to_string(quota_kind k);

/// What a tenant has left after a job was accepted or refused: of its own limits or its class's, whichever is less.
struct quota_standing {
  quota_kind exceeded = quota_kind::none; ///< which limit refused the job
  std::uint32_t resets_in_s = 0;          ///< until the tenant's next day; 0: it has no limits per day
  std::int64_t jobs_left = -1;            ///< of the day
  std::int64_t gpu_ms_left = -1;          ///< of the day, reservations taken off
  bool operator==(const quota_standing&) const = default;
};

/// Answered with a quota_view; zeros for a tenant that the ledger has not seen.
struct read_quota {
  tenant_id tenant;
  bool operator==(const read_quota&) const = default;
};

/// Use and limits of a tenant, or of a tenant in one class.
struct quota_line {
  std::uint64_t jobs = 0;        ///< of today: accepted and neither failed nor cancelled
  std::uint64_t reserved_ms = 0; ///< of GPU time, for those of them that have not ended
  std::uint64_t settled_ms = 0;  ///< of GPU time, measured, for those that succeeded
  std::uint64_t queued = 0;      ///< not ended, whenever they were accepted
  std::int64_t jobs_max = -1;
  std::int64_t gpu_ms_max = -1;
  std::int64_t queued_max = -1;
  std::int64_t running_max = -1;
  bool operator==(const quota_line&) const = default;
};
struct quota_view {
  tenant_id tenant;
  std::string time_zone;
  std::uint32_t resets_in_s = 0; ///< until its next day
  quota_line all;
  std::array<quota_line, 4> by_class{}; ///< by job_class
  bool operator==(const quota_view&) const = default;
};

} // namespace reel
