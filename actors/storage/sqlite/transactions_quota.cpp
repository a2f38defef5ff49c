// The part of the ledger's writing half that counts what tenants use.
#include "actors/storage/sqlite/transactions.hpp"

namespace reel::sqlite {

namespace {

/// For operators to look at. A job that ends later yet changes a row that is forgotten again.
constexpr std::chrono::days days_kept{40};

} // namespace

quota_standing transactions::standing_of(const job_request& request, const tenant_quota& limits,
                                         const calendar_day& today, quota_kind exceeded) {
  quota_standing left;
  if (limits.is_per_day())
    left = reel::standing_of(limits, usage_of(request.tenant, today), request.cls, today.ends - now_);
  left.exceeded = exceeded;
  return left;
}

/// A tenant without a number has used nothing.
const usage_by_class& transactions::usage_of(const tenant_id& tenant, const calendar_day& day) {
  static const usage_by_class nothing{};
  const auto no = tenants_.number_of(tenant);
  return no ? quotas_.of_day(*no, day.number) : nothing;
}

/// What the job counts for in the queue and has reserved of its day goes with it, where the other class has room.
bool transactions::move_quota(const job_row& row, job_class to) {
  const auto& limits = admission_.limits().of(*row.tenant);
  const auto no = *tenants_.number_of(*row.tenant);
  admission_.ended(*row.tenant, row.cls);
  bool fits = admission_.check(*row.tenant, to) == errc::ok;
  if (row.quota) {
    quotas_.change(no, row.quota->day, row.cls, refunded(*row.quota));
    const auto exceeded = exceeded_by(limits, quotas_.of_day(no, row.quota->day), to, row.quota->gpu_ms);
    fits = fits && exceeded == quota_kind::none;
    quotas_.change(no, row.quota->day, fits ? to : row.cls, reserved(row.quota->gpu_ms));
  }
  admission_.accepted(*row.tenant, fits ? to : row.cls);
  return fits;
}

outcome<quota_view, errc> transactions::run(const read_quota& m) {
  if (!is_valid_name(m.tenant.value)) return failed{errc::invalid_argument};
  const auto& limits = admission_.limits().of(m.tenant);
  const auto today = days_.today(limits.zone, now_);
  auto view = view_of(m.tenant, limits, usage_of(m.tenant, today), admission_.queued(m.tenant), today.ends - now_);
  if (view.all.queued_max < 0) view.all.queued_max = admission_.limits().tenant_queued_jobs_max;
  return view;
}

/// By the clock that keys go by: one that was set to the future must not open past days again.
void transactions::forget_old_days() {
  if (key_now_ < next_forgetting_days_) return;
  const auto oldest = std::chrono::floor<std::chrono::days>(key_now_ - days_kept).time_since_epoch().count();
  if (tables_.delete_usage_before(static_cast<std::int32_t>(oldest)) == 0)
    next_forgetting_days_ = key_now_ + std::chrono::hours{1};
}

} // namespace reel::sqlite
