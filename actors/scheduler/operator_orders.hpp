// operator_orders.hpp: What an operator's words mean: an order as he gives it becomes the message that carries it out,
// or a sentence that says what is wrong with it and what is allowed. Pure.
#pragma once

#include <set>
#include <variant>

#include "messages/breakers.hpp"
#include "messages/dead_letters.hpp"
#include "messages/operators.hpp"
#include "messages/outcome.hpp"
#include "messages/pauses.hpp"
#include "messages/worker.hpp"

namespace reel {

using operator_order = std::variant<set_pause, set_breaker, reprioritise_job, cancel_job, evict_node, restart_slot>;

struct order_refusal {
  errc code = errc::invalid_argument;
  std::string text;
};

/// `who`: his key's name. `nodes`: those with workers.
outcome<operator_order, order_refusal> order_of(const operate& m, const node_id& who, const std::set<node_id>& nodes);

/// What his key lets him do; no value: it may.
std::optional<order_refusal> refusal_of(action_kind kind, const node_id& who, operator_right right);

/// What the audit log says of an order that did not come as an `operate`.
operate describe(const set_pause& m);
operate describe(const set_breaker& m);
operate describe(const redrive_jobs& m);

} // namespace reel
