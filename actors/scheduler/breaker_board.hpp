// breaker_board.hpp: The circuit breakers of a cluster, one for each model on each class of GPU, and what operators
// ordered of them. A breaker is there from its first attempt or order on.
//
// Owned by the scheduler core. At most limits::breakers_max breakers: further ones are not watched and let everything
// through. While all of them let everything through, asking costs one comparison. Never reads a clock; jitter is taken
// from the number of openings, so that breakers of one outage do not all come back together.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "runtime/logic/circuit_breaker.hpp"

namespace reel {

/// Which breaker.
struct breaker_key {
  model_id model;
  std::string device;
  auto operator<=>(const breaker_key&) const = default;
};

/// For the log.
struct breaker_event {
  breaker_key of;
  circuit_breaker::transition what;
};

class breaker_board {
public:
  explicit breaker_board(const circuit_breaker::options& o = {}) : options_{o} {}

  /// Time has passed.
  void check(instant now);
  std::optional<instant> next_check() const;

  /// May a batch begin? `capacity()`: workers of that class that serve the model.
  template <class Capacity> bool allows(const breaker_key& of, instant now, Capacity capacity) const {
    if (is_calm()) return true;
    auto found = breakers_.find(of);
    if (found == breakers_.end()) return state(of) != breaker_state::forced_open;
    const auto& [breaker, running, ordered, by] = found->second;
    return breaker.allows(running, breaker.is_slow_starting(now) ? capacity() : 0, now);
  }
  /// All of them let everything through: there is no need to ask.
  bool is_calm() const { return troubled_ == 0 && orders_.all.empty(); }
  breaker_state state(const breaker_key& of) const;
  bool is_probing(const breaker_key& of) const { return !is_calm() && state(of) == breaker_state::half_open; }
  /// No joining of running batches then: half open, or with the load coming back slowly.
  bool is_careful(const breaker_key& of, instant now) const;
  std::optional<instant> troubled_since(const breaker_key& of) const;
  std::optional<instant> good_at(const breaker_key& of) const {
    auto found = breakers_.find(of);
    return found == breakers_.end() ? std::nullopt : found->second.breaker.good_at();
  }

  circuit_breaker::pass began(const breaker_key& of, instant now);
  void ended(const breaker_key& of, const circuit_breaker::pass& p, const circuit_breaker::result& r, instant now);

  /// These orders and no others.
  void obey(const breaker_overrides& orders, instant now);

  breaker_status status(const breaker_key& of, instant now) const;
  std::vector<breaker_status> view(instant now) const;
  std::vector<breaker_event> take_events() { return std::exchange(events_, {}); }

private:
  struct entry {
    circuit_breaker breaker;
    std::size_t running = 0; ///< attempts under way
    std::optional<breaker_order> ordered{};
    tenant_id by{};
  };

  entry* at(const breaker_key& of, instant now);
  double jitter(const breaker_key& of, const entry& e, instant now) const;
  void note(const breaker_key& of, const std::optional<circuit_breaker::transition>& t, instant now);
  void follow(const breaker_key& of, entry& e, instant now);
  const breaker_override* order_for(const breaker_key& of) const;

  circuit_breaker::options options_;
  std::map<breaker_key, entry> breakers_;
  breaker_overrides orders_;
  instant ordered_at_{};
  std::size_t troubled_ = 0;          ///< those that may not let everything through
  std::vector<breaker_event> events_; ///< taken after every plan and end
};

} // namespace reel
