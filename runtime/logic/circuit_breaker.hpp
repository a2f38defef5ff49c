// circuit_breaker.hpp: Stops sending work where it keeps failing, and finds out when it does not any more.
//
//   closed       everything passes; the last attempts are looked at. Opens when half of them failed, or four fifths
//   were
//                slow, and there are enough of them, of different contents
//   open         nothing passes for a while, twice as long each time it opens again
//   half open    a few attempts pass as probes; enough good ones close it, one bad one opens it again
//   forced open  by an operator: nothing passes until reset
//   disabled     by an operator: everything passes until reset, whatever fails
//
// After closing, load comes back slowly (most_running). Results of attempts that began before a transition say nothing
// afterwards: every pass carries the number of the state it was given in.
//
// Value type; one for each model and class of GPU, owned by the scheduler core, one for each receiver of webhooks, and
// one for the object store. Never reads a clock, draws nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "messages/breakers.hpp"

namespace reel {

class circuit_breaker {
public:
  struct options {
    std::size_t window = 20; ///< attempts
    std::chrono::milliseconds window_age = std::chrono::minutes{10};
    std::size_t attempts_least = 5;
    std::size_t contents_least = 2; ///< one bad content must not close a model to all others
    double failures_open = 0.5, slow_open = 0.8;
    std::chrono::milliseconds open_first{30'000}, open_most{300'000};
    double open_jitter = 0.2;
    std::size_t probes_most = 2, probes_close = 3;
    std::chrono::milliseconds probe_most = std::chrono::minutes{30};  ///< one that takes longer has failed
    std::chrono::milliseconds quiet_after = std::chrono::minutes{10}; ///< closed so long: the next opening is a first
    std::chrono::milliseconds slow_start{60'000};
    double slow_start_from = 0.1; ///< part of the load at its beginning

    /// reliability's row for what a node depends on: a store, a receiver of webhooks.
    static options of_dependency();
  };

  /// Given to an attempt when it begins, and back when it ends.
  struct pass {
    std::uint64_t number = 0; ///< of the state; 0: none was asked for
    std::uint64_t probe = 0;  ///< number of the probe; 0: it is none
    bool operator==(const pass&) const = default;
  };

  struct result {
    bool is_known = true; ///< false: it ended for reasons that say nothing about the model
    bool is_good = true;
    bool is_slow = false;      ///< took more than twice what was foretold
    std::uint64_t content = 0; ///< of what was asked for: a hash
  };

  struct transition {
    breaker_state from = breaker_state::closed, to = breaker_state::closed;
    std::size_t failures = 0, slow = 0, attempts = 0; ///< what was in the window
    bool operator==(const transition&) const = default;
  };

  circuit_breaker() = default;
  explicit circuit_breaker(const options& o) : options_{o} {}

  breaker_state state() const { return state_; }
  /// Time has passed: to be called before the others. `jitter` in [0, 1).
  std::optional<transition> check(instant now, double jitter);
  /// When check() will next have something to do.
  std::optional<instant> next_check() const;

  /// May one more attempt begin? `running`: attempts under way, `capacity`: those that could be.
  bool allows(std::size_t running, std::size_t capacity, instant now) const;
  pass began(instant now);
  std::optional<transition> ended(const pass& p, const result& r, instant now, double jitter);
  std::optional<transition> obey(breaker_order order, instant now);

  /// Since when not everything passes; nothing: it does.
  std::optional<instant> troubled_since() const {
    return state_ == breaker_state::closed || state_ == breaker_state::disabled ? std::nullopt
                                                                                : std::optional{troubled_since_};
  }
  /// The latest good result, whatever came after it.
  std::optional<instant> good_at() const { return good_at_; }
  bool is_slow_starting(instant now) const {
    return state_ == breaker_state::closed && closed_at_ && now - *closed_at_ < options_.slow_start;
  }
  breaker_status status(instant now) const; ///< without names

private:
  struct attempt {
    instant at{};
    bool is_good = true, is_slow = false;
    std::uint64_t content = 0;
  };
  struct counts {
    std::size_t attempts = 0, failures = 0, slow = 0, contents = 0;
  };

  counts count(instant now) const;
  transition go(breaker_state to, instant now);
  transition open(instant now, double jitter);
  std::optional<transition> probed(const result& r, instant now, double jitter);

  options options_;
  breaker_state state_ = breaker_state::closed;
  std::uint64_t number_ = 1;                ///< +1 with every transition
  std::deque<attempt> attempts_;            ///< the last ones, at most `window`
  std::map<std::uint64_t, instant> probes_; ///< in flight, and their beginnings
  std::uint64_t last_probe_ = 0;
  std::size_t good_probes_ = 0;
  std::uint32_t openings_ = 0; ///< in a row
  instant open_until_{};
  instant troubled_since_{};
  std::optional<instant> closed_at_{}; ///< after an opening
  std::optional<instant> good_at_{};
};

} // namespace reel
