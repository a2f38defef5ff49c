// admission.hpp: Counts the jobs that have not ended, per tenant and class and in all, and says whether one more may be
// accepted (reliability.md 2.13). Owned by the ledger's writer. What a transaction changed can be taken back.
#pragma once

#include <numeric>
#include <unordered_map>
#include <vector>

#include "actors/storage/ledger.hpp"

namespace reel {

class admission {
public:
  using by_class = std::array<std::uint64_t, 4>; ///< jobs

  explicit admission(admission_limits limits) : limits_{std::move(limits)} {}

  /// errc::ok, quota_exceeded (the tenant's limit or its class's) or queue_full (the cluster's).
  errc check(const tenant_id& tenant, job_class cls) const {
    if (total_ >= limits_.queued_jobs_max) return errc::queue_full;
    const auto jobs = queued(tenant);
    const auto& limits = limits_.of(tenant);
    const bool is_full = sum_of(jobs) >= limits.all.queued_jobs_max.value_or(limits_.tenant_queued_jobs_max) ||
                         jobs[index(cls)] >= limits.of(cls).queued_jobs_max.value_or(UINT64_MAX);
    return is_full ? errc::quota_exceeded : errc::ok;
  }

  void accepted(const tenant_id& tenant, job_class cls) { change(tenant, cls, 1); }
  /// A tenant that has none left was counted wrongly at start, by a damaged index: then the total stays too high.
  void ended(const tenant_id& tenant, job_class cls) {
    if (per_tenant_[tenant][index(cls)] > 0) change(tenant, cls, -1);
  }

  /// At start, what the ledger holds.
  void restore(const tenant_id& tenant, const by_class& jobs) {
    auto& own = per_tenant_[tenant];
    for (std::size_t c = 0; c < own.size(); ++c) own[c] += jobs[c];
    total_ += sum_of(jobs);
  }

  void keep_changes() { changes_.clear(); }
  void undo_changes() {
    for (auto [jobs, by] : changes_) {
      *jobs -= static_cast<std::uint64_t>(by);
      total_ -= static_cast<std::uint64_t>(by);
    }
    changes_.clear();
  }

  by_class queued(const tenant_id& tenant) const {
    const auto found = per_tenant_.find(tenant);
    return found == per_tenant_.end() ? by_class{} : found->second;
  }
  std::uint64_t unfinished_jobs() const { return total_; }
  const admission_limits& limits() const { return limits_; }

private:
  static std::size_t index(job_class cls) { return static_cast<std::size_t>(cls); }
  static std::uint64_t sum_of(const by_class& jobs) {
    return std::accumulate(jobs.begin(), jobs.end(), std::uint64_t{0});
  }

  void change(const tenant_id& tenant, job_class cls, std::int64_t by) {
    auto& jobs = per_tenant_[tenant][index(cls)]; // references into an unordered_map stay valid while it grows
    jobs += static_cast<std::uint64_t>(by);
    total_ += static_cast<std::uint64_t>(by);
    changes_.emplace_back(&jobs, by);
  }

  const admission_limits limits_;
  std::unordered_map<tenant_id, by_class> per_tenant_;
  std::uint64_t total_ = 0;
  std::vector<std::pair<std::uint64_t*, std::int64_t>> changes_;
};

} // namespace reel
