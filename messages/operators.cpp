#include "messages/operators.hpp"

namespace reel {

std::string_view to_string(operator_right r) {
  switch (r) {
  case operator_right::viewer: return "viewer";
  case operator_right::operate: return "operator";
  case operator_right::admin: return "admin";
  }
  return "unknown";
}

std::optional<operator_right> right_of(const node_id& key) {
  const std::string_view role = std::string_view{key.value}.substr(0, key.value.find_first_of("._"));
  for (auto r : {operator_right::viewer, operator_right::operate, operator_right::admin})
    if (role == to_string(r)) return r;
  return {};
}

node_id seat_of(const node_id& key, int number) {
  return number == 1 ? key : node_id{key.value + '_' + std::to_string(number)};
}

std::string_view to_string(action_kind k) {
  switch (k) {
  case action_kind::pause: return "pause";
  case action_kind::resume: return "resume";
  case action_kind::breaker: return "breaker";
  case action_kind::reprioritise: return "reprioritise";
  case action_kind::cancel: return "cancel";
  case action_kind::redrive: return "redrive";
  case action_kind::evict: return "evict";
  case action_kind::restart_slot: return "restart_slot";
  case action_kind::drain: return "drain";
  case action_kind::undrain: return "undrain";
  }
  return "unknown";
}

operator_right needed_for(action_kind k) {
  return k == action_kind::evict ? operator_right::admin : operator_right::operate;
}

bool is_destructive(action_kind k) { return k == action_kind::cancel || k == action_kind::evict; }

} // namespace reel
