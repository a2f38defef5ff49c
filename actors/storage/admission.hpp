// admission.hpp: Counts the jobs that have not ended, per tenant and in all, and says whether one more may be
// accepted (reliability.md 2.13). Owned by the ledger's writer. What a transaction changed can be taken back.
#pragma once

#include <unordered_map>
#include <vector>

#include "actors/storage/ledger.hpp"

namespace reel {

class admission {
public:
  explicit admission(admission_limits limits) : limits_{std::move(limits)} {}

  /// errc::ok, quota_exceeded (the tenant's limit) or queue_full (the cluster's).
  errc check(const tenant_id& tenant) const {
    if (total_ >= limits_.queued_jobs_max) return errc::queue_full;
    auto counted = per_tenant_.find(tenant);
    const auto own = limits_.tenant_queued_jobs.find(tenant);
    const auto limit = own == limits_.tenant_queued_jobs.end() ? limits_.tenant_queued_jobs_max : own->second;
    return (counted == per_tenant_.end() ? 0 : counted->second) >= limit ? errc::quota_exceeded : errc::ok;
  }

  void accepted(const tenant_id& tenant) { change(tenant, 1); }
  /// A tenant that has none left was counted wrongly at start, by a damaged index: then the total stays too high.
  void ended(const tenant_id& tenant) {
    if (per_tenant_[tenant] > 0) change(tenant, -1);
  }

  /// At start, what the ledger holds.
  void restore(const tenant_id& tenant, std::uint64_t jobs) {
    per_tenant_[tenant] += jobs;
    total_ += jobs;
  }

  void keep_changes() { changes_.clear(); }
  void undo_changes() {
    for (auto [jobs, by] : changes_) {
      *jobs -= static_cast<std::uint64_t>(by);
      total_ -= static_cast<std::uint64_t>(by);
    }
    changes_.clear();
  }

  std::uint64_t unfinished_jobs() const { return total_; }

private:
  void change(const tenant_id& tenant, std::int64_t by) {
    auto& jobs = per_tenant_[tenant]; // references into an unordered_map stay valid while it grows
    jobs += static_cast<std::uint64_t>(by);
    total_ += static_cast<std::uint64_t>(by);
    changes_.emplace_back(&jobs, by);
  }

  const admission_limits limits_;
  std::unordered_map<tenant_id, std::uint64_t> per_tenant_;
  std::uint64_t total_ = 0;
  std::vector<std::pair<std::uint64_t*, std::int64_t>> changes_;
};

} // namespace reel
