// breakers.hpp: What operators and the scheduler say of circuit breakers (runtime/logic/circuit_breaker.hpp): there is
// one for each model on each class of GPU, and one for uploads to the object store. What operators force is kept in the
// ledger, like pauses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

/// Stands where other breakers name their model; no model may be called so. It has no class of GPU.
inline const model_id object_store_name{"object-store"};

enum class breaker_state : std::uint8_t {
  closed = 0,      ///< lets everything through
  open = 1,        ///< lets nothing through for a while
  half_open = 2,   ///< lets single jobs through, to see
  forced_open = 3, ///< by an operator, until reset
  disabled = 4,    ///< by an operator, until reset: lets everything through, whatever fails
};
std::string_view to_string(breaker_state s);

/// What an operator wants of a breaker. Values are stored and sent: never renumber.
enum class breaker_order : std::uint8_t {
  reset = 0, ///< closed, and on its own again
  open = 1,  ///< forced open
  close = 2, ///< disabled
};
std::string_view to_string(breaker_order o);

/// To the ledger, answered with breaker_overrides; to the scheduler, which passes it on, answered with breakers_view.
struct set_breaker {
  model_id model;
  std::string device; ///< class of GPU, as its workers name it; empty: all
  breaker_order order = breaker_order::reset;
  tenant_id by; ///< the operator's account
  bool operator==(const set_breaker&) const = default;
};

/// In force until reset. A reset for all devices takes back those for single ones.
struct breaker_override {
  model_id model;
  std::string device;
  breaker_order order = breaker_order::open;
  tenant_id by;
  wall_time since{};
  bool operator==(const breaker_override&) const = default;
};
struct read_breakers {
  bool operator==(const read_breakers&) const = default;
};
/// Also from the scheduler to the object store, every second and when they change: it obeys those that are its own and
/// answers with a breakers_view of its breaker.
struct breaker_overrides {
  std::vector<breaker_override> all; ///< at most limits::breaker_overrides_max, by model and device
  bool operator==(const breaker_overrides&) const = default;
};

struct describe_breakers {
  bool operator==(const describe_breakers&) const = default;
};
struct breaker_status {
  model_id model;
  std::string device;
  breaker_state state = breaker_state::closed;
  std::uint32_t attempts = 0; ///< in its window
  std::uint32_t failures = 0; ///< of these
  std::uint32_t slow = 0;     ///< likewise: took more than twice the predicted time
  std::uint32_t openings = 0; ///< in a row, without ten quiet minutes between
  std::uint32_t probes = 0;   ///< half open: in flight
  std::uint64_t opens_ms = 0; ///< open: until it lets probes through
  tenant_id by;               ///< who forced it; empty: nobody
  bool operator==(const breaker_status&) const = default;
};
/// Also from the object store to the scheduler, when its breaker changes.
struct breakers_view {
  std::vector<breaker_status> all; ///< those that had an attempt or an order, at most 256
  bool operator==(const breakers_view&) const = default;
};

} // namespace reel
