// line_alarms.hpp: How the alarms of an overview are made: one of each kind, in order of urgency, with the number of
// its subjects and the first of them. Pure.
#pragma once

#include <algorithm>

#include "messages/overview.hpp"

namespace reel {

inline void raise(std::vector<line_alarm>& all, alarm_kind kind, std::string subject = {}, std::uint64_t count = 1) {
  auto at = std::ranges::lower_bound(all, kind, {}, &line_alarm::kind);
  if (at == all.end() || at->kind != kind) at = all.insert(at, line_alarm{kind, 0, std::move(subject)});
  at->count += count;
}

/// A breaker that is not closed on its own, or that somebody holds.
inline void raise(std::vector<line_alarm>& all, const breaker_status& b) {
  if (b.state == breaker_state::closed) return;
  if (b.state == breaker_state::forced_open || b.state == breaker_state::disabled)
    return raise(all, alarm_kind::breaker_forced, b.model.value);
  raise(all, b.model == object_store_name ? alarm_kind::store_failing : alarm_kind::breaker_open, b.model.value);
}

inline void raise(std::vector<line_alarm>& all, const queue_pause& p) {
  if (p.tenant.value.empty())
    raise(all, alarm_kind::queue_paused, p.by.value);
  else
    raise(all, alarm_kind::tenants_paused, p.tenant.value);
}

/// A worker that could do work and does not. One that its node has stopped or is about to is none.
inline void raise(std::vector<line_alarm>& all, const worker_overview& w, bool is_wanted) {
  if (w.state == worker_state::ejected)
    raise(all, alarm_kind::worker_ejected, w.id.value);
  else if (w.silent)
    raise(all, alarm_kind::worker_silent, w.id.value);
  else if (w.state == worker_state::down && is_wanted)
    raise(all, alarm_kind::worker_down, w.id.value);
}

} // namespace reel
