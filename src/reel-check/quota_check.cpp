#include "src/reel-check/quota_check.hpp"

#include <algorithm>

namespace reel::check {

quota_check::tenant_state& quota_check::of(name_index tenant) {
  if (tenant >= tenants_.size()) tenants_.resize(tenant + 1);
  return tenants_[tenant];
}

bool quota_check::is_full(name_index tenant) {
  const auto& t = of(tenant);
  return t.running_max >= 0 && static_cast<std::int64_t>(t.running.size()) >= t.running_max;
}

bool quota_check::was_full(name_index tenant, std::int64_t now) {
  const auto& until = of(tenant).full_until;
  return is_full(tenant) || (until && now - *until <= w_.limits.priority_wait.count());
}

void quota_check::on_limits(const event& e) {
  auto& t = of(w_.known.of(e.text(field::tenant)));
  t.running_max = e.number(field::running_max, -1);
  t.per_day_max = e.number(field::per_day_max, -1);
  t.limits = e.at;
}

void quota_check::accepted(const job_row& row, const event& e) {
  auto& t = of(row.tenant);
  auto on_day = ++t.accepted_on[e.number(field::day)];
  if (t.per_day_max < 0) return;
  w_.found.checked(invariant::i11);
  if (on_day > t.per_day_max)
    w_.found.violated(invariant::i11,
                      "job " + text_of(on_day) + " of a tenant on one day; its quota is " + text_of(t.per_day_max),
                      {t.limits, e.at});
}

std::vector<line_ref> quota_check::grants_of(const tenant_state& t) {
  std::vector<line_ref> all{t.limits};
  for (auto i : t.running) all.push_back(w_.jobs[i].granted);
  return all;
}

void quota_check::granted(const job_row& row, const event& e) {
  auto& t = of(row.tenant);
  if (t.running_max >= 0) {
    w_.found.checked(invariant::i11);
    if (is_full(row.tenant)) {
      auto lines = grants_of(t);
      lines.push_back(e.at);
      w_.found.violated(invariant::i11,
                        "a tenant runs " + text_of(static_cast<std::int64_t>(t.running.size()) + 1) +
                            " jobs at once; it may run " + text_of(t.running_max),
                        std::move(lines));
    }
  }
  t.running.push_back(w_.jobs.index_of(row));
}

void quota_check::attempt_over(const job_row& row, const event& e) {
  auto& t = of(row.tenant);
  auto& running = t.running;
  auto found = std::ranges::find(running, w_.jobs.index_of(row));
  if (found == running.end()) return;
  if (is_full(row.tenant)) t.full_until = e.time;
  *found = running.back();
  running.pop_back();
}

void quota_check::committed(const job_row& row, const event& e) {
  of(row.tenant).charged_ms += e.number(field::charged_ms);
}

void quota_check::on_total(const event& e) {
  if (!w_.log.complete(observer_kind::ledger)) return;
  w_.found.checked(invariant::i11);
  const auto& t = of(w_.known.of(e.text(field::tenant)));
  if (e.number(field::charged_ms) != t.charged_ms)
    w_.found.violated(invariant::i11,
                      "a tenant was charged " + text_of(e.number(field::charged_ms)) + " ms; its commits add up to " +
                          text_of(t.charged_ms) + " ms",
                      {t.limits, e.at});
}

} // namespace reel::check
