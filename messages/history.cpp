#include "messages/history.hpp"

namespace reel {

std::string_view to_string(history_part p) {
  switch (p) {
  case history_part::events: return "events";
  case history_part::leaders: return "leaders";
  case history_part::jobs: return "jobs";
  case history_part::tenants: return "tenants";
  case history_part::notes: return "notes";
  }
  return "unknown";
}

std::string_view to_string(note_kind k) {
  switch (k) {
  case note_kind::member: return "member";
  case note_kind::worker: return "worker";
  case note_kind::breaker: return "breaker";
  case note_kind::overload: return "overload";
  case note_kind::refused: return "refused";
  }
  return "unknown";
}

std::string_view to_string(note_state s) {
  switch (s) {
  case note_state::up: return "up";
  case note_state::suspect: return "suspect";
  case note_state::down: return "down";
  case note_state::open: return "open";
  case note_state::half_open: return "half_open";
  case note_state::closed: return "closed";
  }
  return "unknown";
}

} // namespace reel
