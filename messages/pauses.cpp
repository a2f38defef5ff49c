#include "messages/pauses.hpp"

#include <algorithm>

namespace reel {

bool is_valid_place(std::string_view text) {
  const auto slash = text.find('/');
  if (!is_valid_name(text.substr(0, slash))) return false;
  if (slash == std::string_view::npos) return true;
  const auto slot = text.substr(slash + 1);
  return !slot.empty() && slot.size() <= 4 && std::ranges::all_of(slot, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_sound(const set_pause& m) {
  if (!is_valid_name(m.by.value)) return false;
  if (!m.place.empty()) return m.tenant.value.empty() && is_valid_place(m.place);
  return m.tenant.value.empty() || is_valid_name(m.tenant.value);
}

bool is_there(const pause_list& all, const set_pause& m) {
  if (!m.place.empty()) return std::ranges::find(all.drained, m.place, &drained_place::place) != all.drained.end();
  return std::ranges::find(all.all, m.tenant, &queue_pause::tenant) != all.all.end();
}

} // namespace reel
