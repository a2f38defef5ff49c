#include "messages/dead_letters.hpp"

namespace reel {

std::string_view to_string(event_kind k) {
  switch (k) {
  case event_kind::accepted: return "accepted";
  case event_kind::granted: return "granted";
  case event_kind::cancel_requested: return "cancel_requested";
  case event_kind::ended: return "ended";
  case event_kind::removed: return "removed";
  case event_kind::reprioritised: return "reprioritised";
  case event_kind::redriven: return "redriven";
  }
  return "unknown";
}

} // namespace reel
