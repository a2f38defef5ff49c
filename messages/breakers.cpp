#include "messages/breakers.hpp"

namespace reel {

std::string_view to_string(breaker_state s) {
  switch (s) {
  case breaker_state::closed: return "closed";
  case breaker_state::open: return "open";
  case breaker_state::half_open: return "half_open";
  case breaker_state::forced_open: return "forced_open";
  case breaker_state::disabled: return "disabled";
  }
  return "unknown";
}

std::string_view to_string(breaker_order o) {
  switch (o) {
  case breaker_order::reset: return "reset";
  case breaker_order::open: return "open";
  case breaker_order::close: return "close";
  }
  return "unknown";
}

} // namespace reel
