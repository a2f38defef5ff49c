#include "src/reel-check/priority_check.hpp"

#include <algorithm>
#include <ranges>

namespace reel::check {

bool priority_check::is_waiting(const entry& e) {
  const auto& row = w_.jobs[e.job];
  return (row.now == state::queued || row.now == state::retry_wait) && row.waiting_since == e.since && !row.removed &&
         !w_.poison.contains(row.payload);
}

/// Brings a tenant's front up to date after its queue was touched.
void priority_check::refresh(lane& l, name_index tenant, waiting& jobs, std::optional<entry> before) {
  while (!jobs.empty() && !is_waiting(jobs.top())) jobs.pop();
  auto now = jobs.empty() ? std::nullopt : std::optional{jobs.top()};
  if (now == before) return;
  if (before) l.fronts.erase({*before, tenant});
  if (now) l.fronts.insert({*now, tenant});
}

void priority_check::waits(const job_row& row) {
  if (row.failed_before || row.fell_back || !has_known_age(row)) return;
  auto& l = lanes_[key_of(row)];
  auto& jobs = l.tenants[row.tenant];
  auto before = jobs.empty() ? std::nullopt : std::optional{jobs.top()};
  jobs.push({row.waiting_since, w_.jobs.index_of(row)});
  refresh(l, row.tenant, jobs, before);
}

void priority_check::stopped(const job_row& row) {
  auto& l = lanes_[key_of(row)];
  auto& jobs = l.tenants[row.tenant];
  if (!jobs.empty()) refresh(l, row.tenant, jobs, jobs.top());
}

void priority_check::granted(const job_row& row, const event& e) {
  batch_ = digest_of(e.text(field::batch));
  if (!row.degraded) pending_.push_back(w_.jobs.index_of(row));
}

void priority_check::judge_batch() {
  auto rank = [this](job_index i) { return class_with_age(w_.jobs[i]); };
  const auto best = pending_.empty() ? job_class::urgent : std::ranges::min(pending_ | std::views::transform(rank));
  for (auto i : pending_) {
    w_.found.checked(invariant::i12);
    judge_class(w_.jobs[i], rank(i) == best);
    judge_age(w_.jobs[i]);
  }
  pending_.clear();
  batch_ = {};
}

job_class priority_check::class_with_age(const job_row& row) const {
  auto raised = (row.granted_at - row.accepted_at) / w_.limits.age_after.count();
  return static_cast<job_class>(std::max<std::int64_t>(0, static_cast<std::int64_t>(row.cls) - raised));
}

/// Of the tenants that may run: who waits longest, at least since then.
const job_row* priority_check::longest(lane_key key, std::int64_t since_max, std::int64_t now) {
  auto found = lanes_.find(key);
  if (found == lanes_.end()) return nullptr;
  for (const auto& [first, tenant] : found->second.fronts) {
    if (first.since > since_max) break;
    if (!is_full_(tenant, now) && is_waiting(first)) return &w_.jobs[first.job];
  }
  return nullptr;
}

/// Who came with a better one took nobody's place, unless it was the place of one that could have come too.
void priority_check::judge_class(const job_row& granted, bool is_best) {
  auto since_max = granted.granted_at - w_.limits.priority_wait.count() - 1;
  for (int c = 0; c < static_cast<int>(class_with_age(granted)); ++c)
    for (int i = 0; i < 4; ++i) {
      const bool allows = i / 2 == 0;
      if (!is_best && allows != granted.allow_degraded) continue;
      const auto* other = longest({granted.model, granted.shape, static_cast<job_class>(c), i % 2 == 0, allows},
                                  since_max, granted.granted_at);
      if (!other) continue;
      w_.found.violated(invariant::i12, "a job was granted while one of a higher class waited longer than the bound",
                        {other->accepted, other->ended, granted.accepted, granted.granted});
      return;
    }
}

void priority_check::judge_age(const job_row& granted) {
  if (granted.has_deadline || !has_known_age(granted) || is_full_(granted.tenant, granted.granted_at)) return;
  auto found = lanes_.find(key_of(granted));
  if (found == lanes_.end()) return;
  auto jobs = found->second.tenants.find(granted.tenant);
  if (jobs == found->second.tenants.end() || jobs->second.empty()) return;
  refresh(found->second, granted.tenant, jobs->second, jobs->second.top()); // it may have turned out to be poison
  if (jobs->second.empty()) return;
  const auto& other = w_.jobs[jobs->second.top().job];
  auto bound = w_.limits.priority_wait.count();
  if (other.waiting_since + bound >= granted.granted_at || other.accepted_at + bound >= granted.accepted_at) return;
  w_.found.violated(invariant::i12, "a job was granted before an older one of its tenant and class",
                    {other.accepted, other.ended, granted.accepted, granted.granted});
}

} // namespace reel::check
