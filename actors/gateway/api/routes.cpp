#include "actors/gateway/api/routes.hpp"

#include <algorithm>

namespace reel {

namespace {

constexpr route_info table[] = {
    {route::unknown, "unknown", "", true},
    {route::page, "/", "GET, HEAD, OPTIONS", false},
    {route::page_file, "/ui/{file}", "GET, HEAD, OPTIONS", false},
    {route::healthz, "/healthz", "GET, HEAD, OPTIONS", false},
    {route::readyz, "/readyz", "GET, HEAD, OPTIONS", false},
    {route::metrics, "/metrics", "GET, HEAD, OPTIONS", false},
    {route::models, "/v1/models", "GET, HEAD, OPTIONS", true},
    {route::account, "/v1/account", "GET, HEAD, OPTIONS", true},
    {route::queue_pause, "/v1/queue/pause", "POST, OPTIONS", true},
    {route::queue_resume, "/v1/queue/resume", "POST, OPTIONS", true},
    {route::breakers, "/v1/breakers", "POST, OPTIONS", true},
    {route::line, "/v1/line", "GET, HEAD, OPTIONS", true},
    {route::line_events, "/v1/line/events", "GET, OPTIONS", true},
    {route::own_events, "/v1/events", "GET, OPTIONS", true},
    {route::quota, "/v1/quota", "GET, HEAD, OPTIONS", true},
    {route::videos, "/v1/videos", "GET, HEAD, POST, OPTIONS", true},
    {route::video, "/v1/videos/{id}", "GET, HEAD, DELETE, OPTIONS", true},
    {route::content, "/v1/videos/{id}/content", "GET, HEAD, OPTIONS", true},
    {route::cancel, "/v1/videos/{id}/cancel", "POST, OPTIONS", true},
    {route::reprioritise, "/v1/videos/{id}/reprioritise", "POST, OPTIONS", true},
    {route::final_video, "/v1/videos/{id}/final", "POST, OPTIONS", true},
    {route::events, "/v1/videos/{id}/events", "GET, OPTIONS", true},
    {route::timeline, "/v1/videos/{id}/timeline", "GET, HEAD, OPTIONS", true},
};
static_assert(std::size(table) == routes_count);

/// Does a path fit a name like "/v1/videos/{id}"? Takes the id, or what else stands in brackets.
bool fits(std::string_view name, const std::vector<std::string>& path, std::string& id) {
  std::size_t i = 0;
  while (name.size() > 1) {
    name.remove_prefix(1); // '/'
    auto word = name.substr(0, name.find('/'));
    const bool is_free = word.starts_with('{');
    if (i == path.size() || (!is_free && word != path[i])) return false;
    if (is_free) id = path[i];
    name.remove_prefix(word.size());
    ++i;
  }
  return i == path.size();
}

} // namespace

std::span<const route_info> all_routes() { return std::span{table}.subspan(1); }

const route_info& info_of(route r) { return table[static_cast<std::size_t>(r)]; }

routed find_route(const http_target& target) {
  routed found;
  for (const auto& r : all_routes())
    if (fits(r.name, target.path, found.id)) {
      found.where = r.where;
      return found;
    }
  return {};
}

bool allows(const route_info& r, http_method m) {
  auto name = to_string(m);
  for (auto rest = r.methods; !rest.empty();) {
    auto one = rest.substr(0, rest.find(", "));
    if (one == name) return true;
    rest.remove_prefix(std::min(one.size() + 2, rest.size()));
  }
  return false;
}

} // namespace reel
