#include "actors/storage/quota.hpp"

namespace reel {

namespace {

std::int64_t number_of(std::uint64_t limit) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(limit, INT64_MAX));
}

/// Of one limit: nothing when there is none, never less than 0.
void take_least(std::int64_t& left, std::int64_t limit, std::int64_t used) {
  const auto own = std::max<std::int64_t>(0, limit - used);
  left = left < 0 ? own : std::min(left, own);
}

void take_least(quota_standing& s, const quota_limits& limits, const day_usage& used) {
  if (limits.jobs_per_day) take_least(s.jobs_left, number_of(*limits.jobs_per_day), used.jobs);
  if (limits.gpu_time_per_day)
    take_least(s.gpu_ms_left, limits.gpu_time_per_day->count(), used.reserved_ms + used.settled_ms);
}

quota_line line_of(const quota_limits& limits, const day_usage& used, std::uint64_t queued) {
  const auto shown = [](std::int64_t value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value)); };
  quota_line l{shown(used.jobs), shown(used.reserved_ms), shown(used.settled_ms), queued};
  if (limits.jobs_per_day) l.jobs_max = number_of(*limits.jobs_per_day);
  if (limits.gpu_time_per_day) l.gpu_ms_max = limits.gpu_time_per_day->count();
  if (limits.queued_jobs_max) l.queued_max = number_of(*limits.queued_jobs_max);
  if (limits.running_jobs_max) l.running_max = number_of(*limits.running_jobs_max);
  return l;
}

std::uint32_t seconds_in(std::chrono::milliseconds time) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

} // namespace

quota_kind exceeded_by(const tenant_quota& limits, const usage_by_class& used, job_class cls, std::int64_t gpu_ms) {
  const auto left = standing_of(limits, used, cls, {});
  if (left.jobs_left == 0) return quota_kind::jobs_per_day;
  return left.gpu_ms_left >= 0 && left.gpu_ms_left < gpu_ms ? quota_kind::gpu_seconds_per_day : quota_kind::none;
}

quota_standing standing_of(const tenant_quota& limits, const usage_by_class& used, job_class cls,
                           std::chrono::milliseconds until_next_day) {
  quota_standing s;
  take_least(s, limits.all, sum_of(used));
  take_least(s, limits.of(cls), used[static_cast<std::size_t>(cls)]);
  if (s.jobs_left >= 0 || s.gpu_ms_left >= 0) s.resets_in_s = seconds_in(until_next_day);
  return s;
}

quota_view view_of(const tenant_id& tenant, const tenant_quota& limits, const usage_by_class& used,
                   const std::array<std::uint64_t, 4>& queued, std::chrono::milliseconds until_next_day) {
  quota_view v{tenant, limits.zone.name(), seconds_in(until_next_day), {}, {}};
  v.all = line_of(limits.all, sum_of(used), queued[0] + queued[1] + queued[2] + queued[3]);
  for (std::size_t c = 0; c < queued.size(); ++c) v.by_class[c] = line_of(limits.by_class[c], used[c], queued[c]);
  return v;
}

const usage_by_class& quota_book::of_day(std::int64_t tenant, std::int32_t day) {
  auto [found, is_new] = accounts_.try_emplace(tenant);
  auto& a = found->second;
  if (!is_new && a.day == day) return a.used;
  a = {day, find_(tenant, day)};
  const auto end = changes_.upper_bound({tenant, day, job_class::free});
  for (auto at = changes_.lower_bound({tenant, day, job_class::urgent}); at != end; ++at)
    add_if_at_hand(at->first, at->second);
  return a.used;
}

void quota_book::change(std::int64_t tenant, std::int32_t day, job_class cls, const day_usage& by) {
  const place at{tenant, day, cls};
  changes_[at] += by;
  add_if_at_hand(at, by);
}

void quota_book::undo_changes() {
  for (const auto& [at, by] : changes_) add_if_at_hand(at, -by);
  changes_.clear();
}

void quota_book::add_if_at_hand(const place& at, const day_usage& by) {
  const auto& [tenant, day, cls] = at;
  const auto found = accounts_.find(tenant);
  if (found != accounts_.end() && found->second.day == day) found->second.used[static_cast<std::size_t>(cls)] += by;
}

} // namespace reel
