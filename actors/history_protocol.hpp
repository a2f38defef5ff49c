// history_protocol.hpp: How operators ask for the audit log. Beside protocols.hpp, because only two programs need it.
#pragma once

#include "messages/history.hpp"
#include "runtime/act.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::read_history)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::history_page)

namespace reel {

/// The node with the ledger, among what every node answers to operators (role::node).
using history_protocol = act::protocol<history_page(read_history)>;
using history_ref = act::ref<history_protocol>;

} // namespace reel
