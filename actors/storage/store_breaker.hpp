// store_breaker.hpp: The circuit breaker of the object store: what counts for it, and what operators order of it. While
// it is not closed no upload passes, so that a store in trouble is left alone; who wants to store keeps what it has
// and comes again. It finds out with probes of its own when the store takes files again: that costs no file its time,
// and needs nobody who has one.
//
// Uploads only: a store that takes nothing may still give what it has. Workers go on with what they are granted: what
// they have rendered is there when the store is. Only when that takes long are there no more grants (scheduler.hpp).
//
// Value type, owned by the objects actor. Reads no clock, draws nothing.
#pragma once

#include <algorithm>

#include "messages/breakers.hpp"
#include "messages/outcome.hpp"
#include "messages/storage.hpp"
#include "runtime/logic/circuit_breaker.hpp"

namespace reel {

class store_breaker {
public:
  using change = std::optional<circuit_breaker::transition>; ///< to be told
  static constexpr std::chrono::seconds slow{5};             ///< an upload that takes longer

  bool lets_through() const {
    return breaker_.state() == breaker_state::closed || breaker_.state() == breaker_state::disabled;
  }
  bool wants_probe() const { return breaker_.state() == breaker_state::half_open && !breaker_.next_check(); }
  std::optional<instant> next_check() const { return breaker_.next_check(); }

  /// `jitter` in [0, 1).
  change check(instant now, double jitter) { return breaker_.check(now, jitter); }
  /// Of an upload that passes, or of a probe.
  circuit_breaker::pass began(instant now) { return breaker_.began(now); }
  /// `took`: by the store itself, without waiting for its turn.
  change ended(const circuit_breaker::pass& p, const outcome<put_answer, errc>& what, std::chrono::nanoseconds took,
               instant now, double jitter) {
    return breaker_.ended(p, result_of(what, took), now, jitter);
  }

  /// These orders and no others; those to other breakers are none of its business.
  change obey(const breaker_overrides& orders, instant now) {
    auto mine = std::ranges::find(orders.all, object_store_name, &breaker_override::model);
    by_ = mine == orders.all.end() ? tenant_id{} : mine->by;
    auto ordered = mine == orders.all.end() ? breaker_order::reset : mine->order;
    if (ordered == std::exchange(ordered_, ordered)) return {};
    return breaker_.obey(ordered, now);
  }

  breaker_status status(instant now) const {
    auto s = breaker_.status(now);
    s.model = object_store_name;
    s.by = by_;
    return s;
  }

private:
  static bool is_trouble(errc code) {
    return code == errc::unavailable || code == errc::no_space || code == errc::timeout || code == errc::internal;
  }

  /// That it refuses one file for what this is says nothing about the store.
  static circuit_breaker::result result_of(const outcome<put_answer, errc>& what, std::chrono::nanoseconds took) {
    circuit_breaker::result r;
    r.is_slow = took >= slow;
    r.is_good = what ? std::ranges::none_of(what->codes, is_trouble) : !is_trouble(what.error());
    r.is_known = !r.is_good || (what && std::ranges::count(what->codes, errc::ok) > 0);
    return r;
  }

  circuit_breaker breaker_{circuit_breaker::options::of_dependency()};
  breaker_order ordered_ = breaker_order::reset;
  tenant_id by_;
};

} // namespace reel
