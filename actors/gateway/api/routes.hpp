// api/routes.hpp: Which paths there are, and which methods each has. Pure. A test walks the whole table with
// every method and every kind of bad request, so a new route cannot be forgotten there.
#pragma once

#include <optional>
#include <span>

#include "actors/gateway/http/message.hpp"
#include "actors/gateway/http/target.hpp"

namespace reel {

enum class route : std::uint8_t {
  unknown = 0,
  page,      ///< of the dashboard
  page_file, ///< what it is made of
  healthz,
  readyz,
  metrics,
  models,
  account,
  queue_pause,
  queue_resume,
  breakers,
  line,
  line_events,
  own_events, ///< of the caller's newest jobs
  quota,
  videos, ///< create, list
  video,  ///< read, delete
  content,
  cancel,
  reprioritise,
  final_video,
  events,
  timeline,
};
inline constexpr std::size_t routes_count = 23;

struct route_info {
  route where;
  std::string_view name;    ///< in metrics: "/v1/videos/{id}"
  std::string_view methods; ///< the Allow header
  bool needs_key = true;
};
std::span<const route_info> all_routes(); ///< without unknown
const route_info& info_of(route r);
inline std::string_view name_of(route r) { return info_of(r).name; }

/// The route and, where its path has one, the id as sent.
struct routed {
  route where = route::unknown;
  std::string id;
};
routed find_route(const http_target& target);

bool allows(const route_info& r, http_method m);

} // namespace reel
