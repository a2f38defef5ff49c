// running_quota.hpp: How many jobs of a tenant run, where that is limited, for all its classes together or for one. A
// job runs from the plan that takes it out of the queue until its batch is closed or its lease is over.
//
// Value type; owned by job_queue. As large as the limits; O(log n) in the tenants that have one.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "messages/job.hpp"

namespace reel {

struct running_limits {
  std::optional<std::uint64_t> all; ///< classes together
  std::array<std::optional<std::uint64_t>, 4> by_class{};
  bool operator==(const running_limits&) const = default;
};

class running_quota {
public:
  struct figures {
    std::uint64_t running = 0, most = 0;
  };

  explicit running_quota(const std::map<tenant_id, running_limits>& limits) {
    for (const auto& [tenant, limit] : limits) tenants_[tenant].limits = limit;
  }

  /// False when nothing of the tenant is limited. Each `ended` follows a `started`.
  bool started(const tenant_id& tenant, job_class cls) { return count(tenant, cls, 1); }
  bool ended(const tenant_id& tenant, job_class cls) { return count(tenant, cls, -1); }

  /// The limit that keeps further jobs from running; nothing when there is none.
  std::optional<figures> reached(const tenant_id& tenant, job_class cls) const {
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return {};
    const auto& t = found->second;
    const auto c = static_cast<std::size_t>(cls);
    const auto all = t.running[0] + t.running[1] + t.running[2] + t.running[3];
    if (t.limits.all && all >= *t.limits.all) return figures{all, *t.limits.all};
    if (t.limits.by_class[c] && t.running[c] >= *t.limits.by_class[c])
      return figures{t.running[c], *t.limits.by_class[c]};
    return {};
  }

private:
  struct limited {
    running_limits limits;
    std::array<std::uint64_t, 4> running{};
  };

  bool count(const tenant_id& tenant, job_class cls, int by) {
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return false;
    found->second.running[static_cast<std::size_t>(cls)] += static_cast<std::uint64_t>(by);
    return true;
  }

  std::map<tenant_id, limited> tenants_;
};

} // namespace reel
