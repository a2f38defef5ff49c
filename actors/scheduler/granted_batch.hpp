// granted_batch.hpp: What the supervisor of a batch gets of its grant. Pure; the scheduler and the simulation under
// faults share it.
#pragma once

#include "actors/scheduler/scheduler_core.hpp"
#include "actors/supervisor/batch_end.hpp"

namespace reel {

/// Of the jobs those that the ledger granted: it may have none.
inline supervised_batch granted_batch(std::uint64_t term, const planned_batch& b, const grant_answer& a,
                                      const scheduler_core& core) {
  supervised_batch batch{
      term, b.id, b.worker, {}, false, b.join, b.until_step, b.probe, b.others_do_well, b.larger_device, b.expected};
  for (const auto& granted : a.jobs) {
    if (granted.code != errc::ok) continue;
    const auto& request = granted.request;
    run_job run{request.id,
                granted.fence,
                request.prompt_tokens,
                request.negative_tokens,
                core.served_by(b.key->model, request.params),
                object_prefix(request.tenant, request.id, granted.generation, granted.fence),
                granted.saved};
    if (b.key->model != request.params.model) run.instead_of = request.params.model;
    run.trace = trace_of(request);
    run.suspect = granted.recovery.suspect_count > 0 || !granted.recovery.crash_workers.empty();
    const bool has_fallback = request.allow_degraded && core.has_fallback(key_of(request.params));
    batch.jobs.push_back({std::move(run), granted.attempts_used, request.deadline, granted.recovery, has_fallback});
  }
  return batch;
}

} // namespace reel
