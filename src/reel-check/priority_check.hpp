// priority_check.hpp: I12, the order of service. A grant is an inversion when a job of a higher class, same model and
// same shape, has waited longer than X, may run (its tenant is below its running_max, no breaker on the model) and yet
// was not taken; the granted worker itself shows that one was free. Inside a class and tenant the older job goes first.
//
// Never cries wolf, at the price of missing some: the waiting job counts with the class it came with, the granted one
// with all that its age may have added; jobs with deadlines are not held to age; degraded grants are not judged.
// Jobs of one batch are granted together, whatever their order in the ledger. O(log waiting) per line.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <set>
#include <tuple>

#include "src/reel-check/world.hpp"

namespace reel::check {

class priority_check {
public:
  /// True when the tenant may not run more now, or could not a moment ago.
  using tenant_filter = std::function<bool(name_index tenant, std::int64_t now)>;

  priority_check(world& w, tenant_filter is_full) : w_{w}, is_full_{std::move(is_full)} {}

  /// Since row.waiting_since, from now on. Not in order are jobs that failed before, of which only so many may run
  /// again at once, those that wait for their fallback, and prompts that have turned out to be poison: they come last.
  void waits(const job_row& row);
  void stopped(const job_row& row); ///< after it left the waiting state, granted or ended

  /// Collects the jobs of a batch; judged at the next line that is no part of it.
  void granted(const job_row& row, const event& e);
  bool is_part(const event& e) const { return e.what == op::grant && digest_of(e.text(field::batch)) == batch_; }
  void judge_batch();

private:
  /// Jobs that could take each other's place.
  struct lane_key {
    name_index model = 0, shape = 0;
    job_class cls = job_class::standard;
    bool has_deadline = false, allow_degraded = false;
    auto operator<=>(const lane_key&) const = default;
  };
  struct entry {
    std::int64_t since = 0;
    job_index job = no_job;
    auto operator<=>(const entry&) const = default;
  };
  /// Longest waiting first. A job that left stays inside until it comes to the top.
  using waiting = std::priority_queue<entry, std::vector<entry>, std::greater<>>;
  struct lane {
    std::map<name_index, waiting> tenants;
    std::set<std::pair<entry, name_index>> fronts; ///< the top of each tenant that has one
  };

  static lane_key key_of(const job_row& row) {
    return {row.model, row.shape, row.cls, row.has_deadline, row.allow_degraded};
  }
  bool is_waiting(const entry& e);
  void refresh(lane& l, name_index tenant, waiting& jobs, std::optional<entry> before);
  void judge_class(const job_row& granted, bool is_best);
  void judge_age(const job_row& granted);
  job_class class_with_age(const job_row& row) const;
  bool has_known_age(const job_row& row) const { return !w_.clock_moved || row.accepted_at < w_.clock_moved->time; }
  const job_row* longest(lane_key key, std::int64_t since_max, std::int64_t now);

  world& w_;
  tenant_filter is_full_;
  std::map<lane_key, lane> lanes_;
  digest batch_;
  std::vector<job_index> pending_; ///< granted with batch_
};

} // namespace reel::check
