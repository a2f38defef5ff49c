// The part of scheduler_core that lets a cheaper model stand in for another: while the breakers of that one have been
// open for a while, or while far more waits for it than can be done. Jobs that failed on it for good come here marked.
// A job changes its model once at most: what the fallback has begun stays with it.
#include <algorithm>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

using namespace std::chrono_literals;

std::optional<batch_key> scheduler_core::light_of(const batch_key& key) const {
  auto rule = options_.fallbacks.find(key.model);
  if (rule == options_.fallbacks.end()) return {};
  return light_key(key, rule->second);
}

render_params scheduler_core::served_by(const model_id& model, const render_params& asked) const {
  auto rule = options_.fallbacks.find(asked.model);
  if (model == asked.model || rule == options_.fallbacks.end()) return asked;
  return light_params(asked, rule->second);
}

/// Before every plan: for which models a fallback stands in, and why.
void scheduler_core::refresh_degrading(instant now) {
  if (options_.fallbacks.empty()) return;
  overload_.saw(static_cast<double>(queue_.size()) /
                    static_cast<double>(std::max<std::size_t>(options_.queued_jobs_max, 1)),
                now);
  refresh_waits(now);
  degrading_.clear();
  for (const auto& [model, rule] : options_.fallbacks) {
    if (is_shut_for_long(model, now))
      degrading_[model] = degrade_reason::breaker;
    else if (auto wait = waits_.find(model); wait != waits_.end() && wait->second > options_.degrade_wait)
      degrading_[model] = degrade_reason::overload;
  }
}

/// Every class of GPU that has the model has been in trouble with it for `degrade_after`.
bool scheduler_core::is_shut_for_long(const model_id& model, instant now) const {
  bool any = false;
  if (breakers_.is_calm()) return false;
  for (const auto& [kind, t] : tallies_) {
    if (std::ranges::find(kind.models, model) == kind.models.end()) continue;
    auto since = breakers_.troubled_since({model, kind.device});
    if (!since || now - *since < options_.degrade_after) return false;
    any = true;
  }
  return any;
}

/// Only in overload, and once a second: it looks at thousands of keys.
void scheduler_core::refresh_waits(instant now) {
  if (!overload_.is_on()) return waits_.clear();
  if (!waits_.empty() && now - waits_at_ < 1s) return;
  waits_at_ = now;
  waits_.clear();
  for (const auto& [model, load] : work(now)) {
    std::size_t workers = 0;
    for (const auto& [kind, t] : tallies_)
      if (std::ranges::find(kind.models, model) != kind.models.end()) workers += t.usable;
    if (workers > 0) waits_[model] = std::chrono::duration<double>(load.gpu_s / static_cast<double>(workers));
  }
}

/// Why jobs of the key are to be served by the fallback if they get this worker; none: they are not. While the model's
/// breaker lets a probe through on it, that goes first: nothing else would ever close it.
degrade_reason scheduler_core::degrades_on(const worker_kind& kind, const batch_key& key, instant now) const {
  if (degrading_.empty() || key.keeps_model || key.canary) return degrade_reason::none;
  auto why = degrading_.find(key.model);
  if (why == degrading_.end()) return degrade_reason::none;
  if (why->second == degrade_reason::breaker && may_run(kind, key, now) && is_clean(kind, key))
    return degrade_reason::none;
  auto light = light_of(key);
  return light && may_run(kind, *light, now) ? why->second : degrade_reason::none;
}

/// Out of the queue as what was asked for, into the batch as what is served.
void scheduler_core::degrade(planned_batch& b, const key_ptr& light, degrade_reason why) {
  b.key = light;
  b.degrade = why;
  for (auto& job : b.jobs) {
    queue_.ended(job);
    job.key = light;
    job.is_retry = false;
    queue_.started(job);
  }
}

} // namespace reel
