// The part of scheduler_core that keeps work away from what fails: circuit breakers, jobs under suspicion, workers that
// stand out.
#include <algorithm>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

using namespace std::chrono_literals;

bool scheduler_core::may_run(const worker_kind& kind, const batch_key& key, instant now) const {
  if (!can_run(kind, key, now)) return false;
  if (breakers_.is_calm()) return true;
  auto capacity = [&] {
    std::size_t usable = 0;
    for (const auto& [k, t] : tallies_)
      if (k.device == kind.device && can_run(k, key, now)) usable += t.usable;
    return usable;
  };
  return breakers_.allows({key.model, kind.device}, now, capacity);
}

bool scheduler_core::any_may_run(const batch_key& key, instant now) const {
  return breakers_.is_calm() ||
         std::ranges::any_of(tallies_, [&](const auto& t) { return may_run(t.first, key, now); });
}

/// Not a canary, and no probe that may fail by its own fault.
bool scheduler_core::is_clean(const worker_kind& kind, const batch_key& key) const {
  return !key.canary && (key.batch_cap == 0 || !breakers_.is_probing({key.model, kind.device}));
}

/// Where nothing better waits: a probe under suspicion; at last a canary, one in the cluster at a time. While its model
/// is in trouble only as a probe: were there none, and all that waits canaries, nothing would ever end the trouble.
std::optional<job_queue::first_job> scheduler_core::last_resort(const worker_kind& kind, instant now) {
  if (!breakers_.is_calm()) {
    auto suspects = [&](const batch_key& k) {
      return !k.canary && k.batch_cap != 0 && breakers_.is_probing({k.model, kind.device}) && may_run(kind, k, now);
    };
    if (auto head = queue_.first(suspects, now)) return head;
  }
  if (!has_canaries_ || canaries_running_ > 0) return {};
  auto canaries = [&](const batch_key& k) {
    return k.canary && can_run(kind, k, now) &&
           (!breakers_.is_careful({k.model, kind.device}, now) || may_run(kind, k, now));
  };
  return queue_.first(canaries, now);
}

/// On this model and class of GPU. False also where it is not known when it failed: after a restart of ours.
bool scheduler_core::others_did_well_since_it_failed(const queue_entry& job, const breaker_key& of) const {
  const auto* failed = failed_at_.find(job.id);
  const auto good = breakers_.good_at(of);
  return failed && good && *good > *failed;
}

void scheduler_core::pass_breaker(running_batch& b, const std::string& device, instant now) {
  b.breaker = {b.key->model, device};
  b.pass = breakers_.began(b.breaker, now);
}

void scheduler_core::judge(const running_batch& b, const batch_measures& m,
                           std::optional<std::chrono::milliseconds> measured, instant now) {
  circuit_breaker::result r;
  r.is_known = m.sign != health_sign::none;
  r.is_good = m.sign == health_sign::good;
  constexpr auto slow_least = 1s; // beyond what was foretold: what takes no time is not slow by the scatter of it
  r.is_slow = measured && b.foretold && *measured > 2 * *b.foretold && *measured - *b.foretold > slow_least;
  r.content = b.content;
  breakers_.ended(b.breaker, b.pass, r, now);
}

/// A worker is left alone while at least half of those that do the same remain; never the only one.
/// What fails again under a job that failed elsewhere is put down to the job.
void scheduler_core::judge(worker_slot& w, const running_batch& b, const batch_measures& m, bool ran_through,
                           instant now) {
  if (m.sign == health_sign::good || ran_through) return w.health.succeeded();
  if (!m.failed || m.out_of_memory || w.ejected_until || b.key->batch_cap == 1) return;
  std::size_t peers = 0, ejected = 1;
  for (const auto& [id, other] : workers_) {
    if (other.kind != w.kind || other.status.state != worker_state::ready) continue;
    ++peers;
    ejected += other.ejected_until ? 1 : 0;
  }
  bool may_eject = peers > 1 && 2 * ejected <= peers;
  if (auto until = w.health.failed(may_eject, now)) eject(w, *until);
}

void scheduler_core::eject(worker_slot& w, instant until) {
  w.ejected_until = until;
  ejected_.emplace(until, w.status.id);
}

void scheduler_core::readmit(instant now) {
  while (!ejected_.empty() && ejected_.begin()->first <= now) {
    auto& w = workers_.at(ejected_.begin()->second);
    ejected_.erase(ejected_.begin());
    w.ejected_until.reset();
    index(w, now);
  }
}

/// The breaker that lets it through first.
void scheduler_core::explain_breaker(explanation& e, const batch_key& key, instant now, wall_time wall) const {
  std::optional<breaker_status> first;
  for (const auto& [kind, t] : tallies_) {
    if (!can_run(kind, key, now)) continue;
    auto s = breakers_.status({key.model, kind.device}, now);
    auto rank = [](const breaker_status& b) { return std::pair{b.state == breaker_state::forced_open, b.opens_ms}; };
    if (!first || rank(s) < rank(*first)) first = s;
  }
  if (!first) return;
  e.breaker = first->state;
  e.breaker_failures = first->failures;
  e.breaker_attempts = first->attempts;
  if (first->state == breaker_state::open) e.not_before = wall + std::chrono::milliseconds{first->opens_ms};
}

} // namespace reel
