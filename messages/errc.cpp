#include "messages/errc.hpp"

namespace reel {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::ok: return "ok";
  case errc::invalid_argument: return "invalid_argument";
  case errc::not_found: return "not_found";
  case errc::conflict: return "conflict";
  case errc::key_reused: return "key_reused";
  case errc::unsupported: return "unsupported";
  case errc::forbidden: return "forbidden";
  case errc::quota_exceeded: return "quota_exceeded";
  case errc::queue_full: return "queue_full";
  case errc::unavailable: return "unavailable";
  case errc::no_space: return "no_space";
  case errc::unreachable: return "unreachable";
  case errc::timeout: return "timeout";
  case errc::malformed: return "malformed";
  case errc::stale: return "stale";
  case errc::not_leader: return "not_leader";
  case errc::corrupt: return "corrupt";
  case errc::busy: return "busy";
  case errc::crashed: return "crashed";
  case errc::lease_expired: return "lease_expired";
  case errc::out_of_memory: return "out_of_memory";
  case errc::cancelled: return "cancelled";
  case errc::deadline_exceeded: return "deadline_exceeded";
  case errc::retries_exhausted: return "retries_exhausted";
  case errc::draining: return "draining";
  case errc::preempted: return "preempted";
  case errc::poison: return "poison";
  case errc::cannot_place: return "cannot_place";
  case errc::stalled: return "stalled";
  case errc::internal: return "internal";
  }
  return "unknown";
}

bool is_known(errc code) { return to_string(code) != "unknown"; }

} // namespace reel
