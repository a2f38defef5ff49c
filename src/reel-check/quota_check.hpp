// quota_check.hpp: I11. At every ledger line a tenant runs no more than it may, a day accepts no more than its quota,
// and what was charged in all is the sum over commits.
#pragma once

#include <map>

#include "src/reel-check/world.hpp"

namespace reel::check {

class quota_check {
public:
  explicit quota_check(world& w) : w_{w} {}

  void on_limits(const event& e);
  void accepted(const job_row& row, const event& e);
  void granted(const job_row& row, const event& e);
  void attempt_over(const job_row& row, const event& e); ///< of a job that was leased
  void committed(const job_row& row, const event& e);
  void on_total(const event& e); ///< of the dump at the end

  bool is_full(name_index tenant);
  /// It was so lately: what was planned until then is only now in the ledger.
  bool was_full(name_index tenant, std::int64_t now);

private:
  struct tenant_state {
    std::vector<job_index> running;
    std::map<std::int64_t, std::int64_t> accepted_on; ///< by day, as the ledger counted it
    std::int64_t running_max = -1, per_day_max = -1;  ///< -1: not known
    std::optional<std::int64_t> full_until;
    std::int64_t charged_ms = 0;
    line_ref limits;
  };
  tenant_state& of(name_index tenant);
  std::vector<line_ref> grants_of(const tenant_state& t);

  world& w_;
  std::vector<tenant_state> tenants_; // by name
};

} // namespace reel::check
