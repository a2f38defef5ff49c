#include "actors/scheduler/breaker_board.hpp"

#include <algorithm>

#include "runtime/limits.hpp"

namespace reel {

void breaker_board::check(instant now) {
  if (troubled_ == 0) return;
  troubled_ = 0;
  for (auto& [of, e] : breakers_) {
    note(of, e.breaker.check(now, jitter(of, e, now)), now);
    troubled_ += e.breaker.troubled_since() || e.breaker.is_slow_starting(now) ? 1 : 0;
  }
}

std::optional<instant> breaker_board::next_check() const {
  std::optional<instant> next;
  if (troubled_ == 0) return next;
  for (const auto& [of, e] : breakers_)
    if (auto at = e.breaker.next_check()) next = next ? std::min(*next, *at) : *at;
  return next;
}

breaker_state breaker_board::state(const breaker_key& of) const {
  if (auto found = breakers_.find(of); found != breakers_.end()) return found->second.breaker.state();
  auto* order = order_for(of);
  if (!order) return breaker_state::closed;
  return order->order == breaker_order::open ? breaker_state::forced_open : breaker_state::disabled;
}

bool breaker_board::is_careful(const breaker_key& of, instant now) const {
  if (troubled_ == 0) return false;
  auto found = breakers_.find(of);
  return found != breakers_.end() &&
         (found->second.breaker.troubled_since() || found->second.breaker.is_slow_starting(now));
}

std::optional<instant> breaker_board::troubled_since(const breaker_key& of) const {
  if (is_calm()) return {};
  if (auto found = breakers_.find(of); found != breakers_.end()) return found->second.breaker.troubled_since();
  return state(of) == breaker_state::forced_open ? std::optional{ordered_at_} : std::nullopt;
}

circuit_breaker::pass breaker_board::began(const breaker_key& of, instant now) {
  auto* e = at(of, now);
  if (!e) return {};
  ++e->running;
  return e->breaker.began(now);
}

void breaker_board::ended(const breaker_key& of, const circuit_breaker::pass& p, const circuit_breaker::result& r,
                          instant now) {
  auto found = breakers_.find(of);
  if (found == breakers_.end() || p == circuit_breaker::pass{}) return;
  auto& e = found->second;
  --e.running;
  note(of, e.breaker.ended(p, r, now, jitter(of, e, now)), now);
}

void breaker_board::obey(const breaker_overrides& orders, instant now) {
  orders_ = orders;
  ordered_at_ = now;
  for (const auto& o : orders_.all)
    if (!o.device.empty()) at({o.model, o.device}, now);
  for (auto& [of, e] : breakers_) follow(of, e, now);
}

/// One for the device goes before one for all.
const breaker_override* breaker_board::order_for(const breaker_key& of) const {
  const breaker_override* best = nullptr;
  for (const auto& o : orders_.all)
    if (o.model == of.model && (o.device == of.device || (o.device.empty() && !best))) best = &o;
  return best;
}

void breaker_board::follow(const breaker_key& of, entry& e, instant now) {
  const auto* order = order_for(of);
  e.by = order ? order->by : tenant_id{};
  auto ordered = order ? std::optional{order->order} : std::nullopt;
  if (ordered == e.ordered) return;
  e.ordered = ordered;
  note(of, e.breaker.obey(ordered.value_or(breaker_order::reset), now), now);
}

breaker_board::entry* breaker_board::at(const breaker_key& of, instant now) {
  if (auto found = breakers_.find(of); found != breakers_.end()) return &found->second;
  if (breakers_.size() >= limits::breakers_max) return nullptr;
  auto& e = breakers_[of];
  e.breaker = circuit_breaker{options_};
  follow(of, e, now);
  return &e;
}

/// In [0, 1), by name and opening (the mixer of SplitMix64; G. Steele, D. Lea, C. Flood 2014).
double breaker_board::jitter(const breaker_key& of, const entry& e, instant now) const {
  auto word = std::hash<std::string>{}(of.model.value + '/' + of.device) + e.breaker.status(now).openings + 1;
  word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
  word = (word ^ word >> 27) * 0x94D049BB133111EB;
  return static_cast<double>((word ^ word >> 31) >> 11) * 0x1p-53;
}

void breaker_board::note(const breaker_key& of, const std::optional<circuit_breaker::transition>& t, instant now) {
  if (!t) return;
  events_.push_back({of, *t});
  troubled_ = static_cast<std::size_t>(std::ranges::count_if(breakers_, [now](const auto& one) {
    return one.second.breaker.troubled_since() || one.second.breaker.is_slow_starting(now);
  }));
}

breaker_status breaker_board::status(const breaker_key& of, instant now) const {
  auto found = breakers_.find(of);
  auto s = found == breakers_.end() ? breaker_status{} : found->second.breaker.status(now);
  s.state = state(of);
  s.model = of.model;
  s.device = of.device;
  if (found != breakers_.end()) s.by = found->second.by;
  return s;
}

std::vector<breaker_status> breaker_board::view(instant now) const {
  std::vector<breaker_status> all;
  for (const auto& [of, e] : breakers_) all.push_back(status(of, now));
  for (const auto& o : orders_.all) { // those that have met no attempt yet
    if (breakers_.contains({o.model, o.device}) || all.size() >= limits::breakers_max) continue;
    all.push_back(status({o.model, o.device}, now));
    all.back().by = o.by;
  }
  return all;
}

} // namespace reel
