// lease_ends.hpp: How the scheduler ends leases that nobody looks after, and what it then knows of their jobs. Pure
// values; the scheduler and the simulation under faults share them.
#pragma once

#include "actors/scheduler/job_queue.hpp"

namespace reel {

/// Its lease was nobody's fault, so it does not count: the job may run again at once.
inline job_outcome given_up(const job_id& id, std::uint32_t fence, wall_time now) {
  job_outcome out;
  out.id = id;
  out.fence = fence;
  out.how = verdict::retry;
  out.counted = false;
  out.cause = errc::lease_expired;
  out.not_before = now;
  return out;
}

/// A grant that was not answered and then ended: what it had granted, under its new fence; stale is what the ledger
/// has to say of itself. In the order of `jobs`, of which an answer may lack the last ones.
inline std::vector<granted_job> granted_before(const std::vector<queue_entry>& jobs, const end_answer& a) {
  std::vector<granted_job> known;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const bool was_granted = i < a.codes.size() && a.codes[i] == errc::ok;
    known.push_back(
        {was_granted ? errc::ok : errc::stale, jobs[i].generation, jobs[i].fence + 1, jobs[i].attempts_used});
  }
  return known;
}

} // namespace reel
