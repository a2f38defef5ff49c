// errc.hpp: The one list of what can go wrong between actors. A code exists only if somebody reacts to it
// differently; the detail for people goes to the log or into a message text beside the code.
//
// Three kinds of trouble, three treatments (CONTRIBUTING.md): a broken invariant throws and the supervisor restarts
// the actor; bad input and the network are an errc; a bad configuration refuses to start.
#pragma once

#include <cstdint>
#include <string_view>

namespace reel {

enum class errc : std::uint8_t {
  ok = 0,

  // The caller's fault: repeating the same call cannot help.
  invalid_argument = 1, ///< a value out of its range
  not_found = 2,        ///< no such job, object or tenant; also: another tenant's
  conflict = 3,         ///< the job's state does not allow this, for example cancelling a finished one
  key_reused = 4,       ///< idempotency key seen before with another request
  unsupported = 5,      ///< no such model, size or operation here
  forbidden = 6,        ///< the caller's key may not do this

  // Refused before acceptance: repeat later.
  quota_exceeded = 10, ///< the tenant's own limit
  queue_full = 11,     ///< the cluster's limit
  unavailable = 12,    ///< a dependency (ledger, object store, scheduler) cannot serve now
  no_space = 13,       ///< the disk is full: refuse new work, keep finishing

  // The network: the outcome at the other side is unknown unless the call is idempotent.
  unreachable = 20, ///< no link to the node, or its process was replaced while the call was on its way
  timeout = 21,     ///< no answer before the deadline
  malformed = 22,   ///< bytes that do not decode; the peer is dropped

  // Guards of the ledger.
  stale = 30,      ///< fence or version is older than the row's: discard the result, never retry
  not_leader = 31, ///< the term is older than the leader row's: stop scheduling
  corrupt = 32,    ///< checksum or hash does not match: quarantine, never guess

  // How an execution ended.
  busy = 40,              ///< the worker has no free place; plan again
  crashed = 41,           ///< the worker process died under the batch
  lease_expired = 42,     ///< no renewal was answered within the lease's time
  out_of_memory = 43,     ///< the device or the host had too little memory for the batch
  cancelled = 44,         ///< on the client's or an operator's request
  deadline_exceeded = 45, ///< the job's own deadline passed
  retries_exhausted = 46, ///< failed on every allowed execution
  draining = 47,          ///< the node is being stopped: run elsewhere, not counted
  preempted = 48,         ///< made room for others between two steps: goes on later, not counted
  poison = 49,            ///< took down two worker processes while it ran alone: quarantined
  cannot_place = 50,      ///< granted again and again without ever running to an end
  stalled = 59,           ///< it did not get on, or took far longer than foretold: its process was killed

  internal = 60, ///< anything else; counts as an unknown failure
};

/// The name as written above: goes into logs, metrics and the `code` of a failed job.
std::string_view to_string(errc code);

/// True for values that are listed above: what a decoder may accept.
bool is_known(errc code);

} // namespace reel
