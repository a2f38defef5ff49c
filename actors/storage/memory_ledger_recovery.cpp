// The part of the memory ledger about what executions taught: marks, poison, and orders to circuit breakers.
#include "actors/storage/memory_ledger.hpp"

#include <algorithm>

#include "actors/storage/job_filter.hpp"
#include "runtime/limits.hpp"

namespace reel {

bool memory_ledger::is_poison(const sha256_digest& payload, const model_id& model) const {
  if (poison_.empty()) return false;
  auto found = poison_.find({payload.bytes, model});
  return found != poison_.end() && found->second > options_.now();
}

bool memory_ledger::may_serve(job_record& r, const grant_batch& m) {
  if (!r.recovery.canary && is_poison(r.request.payload_sha256, m.served_model)) {
    r.recovery.canary = true;
    r.recovery.batch_cap = 1;
    return false;
  }
  if (m.served_model == r.request.params.model) return true;
  auto& reason = r.recovery.degraded;
  if (!r.request.allow_degraded) return false;
  if (reason == degrade_reason::none) reason = m.degrade;
  return reason != degrade_reason::none;
}

void memory_ledger::learn(job_record& r, const job_outcome& o, verdict how) {
  if ((how == verdict::retry || how == verdict::dead_letter) && o.recovery) r.recovery = *o.recovery;
  if (how == verdict::dead_letter && o.cause == errc::poison)
    poison_[{r.request.payload_sha256.bytes, r.served_model}] = options_.now() + std::chrono::hours{24};
  if (how == verdict::succeeded && r.recovery.canary) poison_.erase({r.request.payload_sha256.bytes, r.served_model});
}

void memory_ledger::breaker(set_breaker m, reply_to<breaker_overrides> reply) {
  std::unique_lock lock{mutex_};
  outcome<breaker_overrides, errc> result = failed{errc::invalid_argument};
  if (is_valid_name(m.model.value) && is_valid_name(m.by.value) && m.device.size() <= limits::device_bytes_max) {
    const bool fits = breakers_.size() < limits::breakers_max || breakers_.count({m.model, m.device}) > 0;
    if (m.order == breaker_order::reset)
      std::erase_if(breakers_, [&m](const auto& b) {
        return b.first.first == m.model && (m.device.empty() || b.first.second == m.device);
      });
    else if (fits)
      breakers_[{m.model, m.device}] = {m.model, m.device, m.order, m.by, options_.now()};
    if (m.order == breaker_order::reset || fits)
      result = all_breakers();
    else
      result = failed{errc::queue_full};
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::breakers(read_breakers, reply_to<breaker_overrides> reply) {
  std::unique_lock lock{mutex_};
  auto list = all_breakers();
  lock.unlock();
  answer(reply, {std::move(list)});
}

/// It keeps no audit log.
void memory_ledger::note(note_cluster m, reply_to<done> reply) {
  std::unique_lock lock{mutex_};
  outcome<done, errc> result = done{};
  if (m.notes.size() > notes_max)
    result = failed{errc::invalid_argument};
  else if (m.term == 0 || m.term != term_)
    result = failed{errc::not_leader};
  lock.unlock();
  answer(reply, std::move(result));
}

// ---------------------------------------------------------------- operators

void memory_ledger::act(note_action m, reply_to<action_noted> reply) {
  std::unique_lock lock{mutex_};
  outcome<action_noted, errc> result = failed{errc::not_found};
  if (m.number == 0) {
    audit_.push_back({audit_.size() + 1, options_.now(), m.who, m.what, {}});
    result = action_noted{audit_.size()};
  } else if (m.number <= audit_.size()) {
    audit_[m.number - 1].ended = m.ended;
    result = action_noted{m.number};
  }
  lock.unlock();
  answer(reply, std::move(result));
}

void memory_ledger::audit(read_audit m, reply_to<audit_page> reply) {
  std::unique_lock lock{mutex_};
  audit_page page;
  const std::size_t limit = std::clamp(m.limit, 1u, 100u);
  for (auto e = audit_.rbegin(); e != audit_.rend() && !page.has_more; ++e) {
    if ((m.before != 0 && e->number >= m.before) || !(m.who.empty() || e->who == m.who)) continue;
    page.has_more = page.entries.size() == limit;
    if (!page.has_more) page.entries.push_back(*e);
  }
  lock.unlock();
  answer(reply, {std::move(page)});
}

void memory_ledger::find(find_jobs m, reply_to<found_jobs> reply) {
  std::unique_lock lock{mutex_};
  found_jobs found;
  const std::size_t limit = std::clamp(m.limit, 1u, find_jobs_limit_max);
  auto ids = ids_in_order();
  job_id last;
  for (auto id = ids.rbegin(); id != ids.rend() && !is_before_all(m, *id); ++id) {
    const auto& e = jobs_.at(*id);
    const auto& r = e.record;
    if (e.hidden || (m.after && *id >= *m.after)) continue;
    if (found.jobs.size() == limit) {
      found.next = last;
      break;
    }
    last = *id;
    if (matches(m, {*id, r.state, r.request.tenant.value, r.request.cls, r.request.params.model.value,
                    r.served_model.value, r.batch}))
      found.jobs.push_back(shown(r));
  }
  lock.unlock();
  answer(reply, {std::move(found)});
}

breaker_overrides memory_ledger::all_breakers() const {
  breaker_overrides list;
  for (const auto& [of, one] : breakers_) list.all.push_back(one);
  return list;
}

} // namespace reel
