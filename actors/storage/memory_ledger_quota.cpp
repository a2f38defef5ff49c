// The part of the memory ledger that counts what tenants use.
#include "actors/storage/memory_ledger.hpp"

namespace reel {

quota_kind memory_ledger::full_queue(const job_request& request) const {
  const auto jobs = queued(request.tenant);
  const auto& limits = options_.limits.of(request.tenant);
  const auto most = limits.all.queued_jobs_max.value_or(options_.limits.tenant_queued_jobs_max);
  const auto class_most = limits.of(request.cls).queued_jobs_max;
  const bool is_full = jobs[0] + jobs[1] + jobs[2] + jobs[3] >= most ||
                       (class_most && jobs[static_cast<std::size_t>(request.cls)] >= *class_most);
  return is_full ? quota_kind::queued_jobs : quota_kind::none;
}

/// With the job itself taken out, one more must fit.
bool memory_ledger::move_quota(entry& e, job_class to) {
  auto& request = e.record.request;
  --unfinished_of(request);
  const auto from = std::exchange(request.cls, to);
  auto used = count_day(request.tenant, e.quota.day);
  used[static_cast<std::size_t>(to)] += refunded(e.quota);
  const bool fits = full_queue(request) == quota_kind::none &&
                    exceeded_by(options_.limits.of(request.tenant), used, to, e.quota.gpu_ms) == quota_kind::none;
  if (!fits) request.cls = from;
  ++unfinished_of(request);
  return fits;
}

std::array<std::uint64_t, 4> memory_ledger::queued(const tenant_id& tenant) const {
  auto found = unfinished_.find(tenant);
  return found == unfinished_.end() ? std::array<std::uint64_t, 4>{} : found->second;
}

calendar_day memory_ledger::today(const tenant_id& tenant) const {
  return options_.limits.of(tenant).zone.day_at(options_.now());
}

/// Counted anew each time, from the jobs themselves, where it matters.
usage_by_class memory_ledger::used_today(const tenant_id& tenant) const {
  return options_.limits.of(tenant).is_per_day() ? count_today(tenant) : usage_by_class{};
}

usage_by_class memory_ledger::count_today(const tenant_id& tenant) const {
  return count_day(tenant, today(tenant).number);
}

usage_by_class memory_ledger::count_day(const tenant_id& tenant, std::int32_t day) const {
  usage_by_class used;
  for (const auto& [id, e] : jobs_) {
    const auto state = e.record.state;
    if (e.record.request.tenant != tenant || e.quota.day != day) continue;
    if (is_terminal(state) && state != job_state::succeeded) continue;
    auto& own = used[static_cast<std::size_t>(e.record.request.cls)];
    ++own.jobs;
    if (state == job_state::succeeded)
      own.settled_ms += static_cast<std::int64_t>(e.charged_ms);
    else
      own.reserved_ms += e.quota.gpu_ms;
  }
  return used;
}

quota_standing memory_ledger::standing_of(const job_request& request) const {
  const auto left = today(request.tenant).ends - options_.now();
  return reel::standing_of(options_.limits.of(request.tenant), used_today(request.tenant), request.cls, left);
}

void memory_ledger::quota(read_quota m, reply_to<quota_view> reply) {
  if (!is_valid_name(m.tenant.value)) return answer(reply, {failed{errc::invalid_argument}});
  std::unique_lock lock{mutex_};
  auto view = view_of(m.tenant, options_.limits.of(m.tenant), count_today(m.tenant), queued(m.tenant),
                      today(m.tenant).ends - options_.now());
  lock.unlock();
  if (view.all.queued_max < 0) view.all.queued_max = static_cast<std::int64_t>(options_.limits.tenant_queued_jobs_max);
  answer(reply, {std::move(view)});
}

} // namespace reel
