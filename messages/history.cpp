#include "messages/history.hpp"

namespace reel {

std::string_view to_string(history_part p) {
  switch (p) {
  case history_part::events: return "events";
  case history_part::leaders: return "leaders";
  case history_part::jobs: return "jobs";
  case history_part::tenants: return "tenants";
  }
  return "unknown";
}

} // namespace reel
