#include "actors/storage/object_place.hpp"

#include <algorithm>
#include <cstdio>

#include "messages/storage.hpp"

namespace reel {

namespace {

std::string hour_of(wall_time t) {
  using namespace std::chrono;
  const auto day = floor<days>(t);
  const year_month_day date{day};
  char text[32];
  std::snprintf(text, sizeof text, "%04d%02u%02u-%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(duration_cast<hours>(t - day).count()));
  return text;
}

} // namespace

std::optional<object_place> place_of(std::string_view key) {
  const auto parts = parse_object_key(key);
  if (!parts) return {};
  // "t/<tenant>/j/<job>/g1/f1-..." becomes "<tenant>~<job>~g1~f1-...": '~' is in no tenant's name.
  const auto after_tenant = key.find('/', 2);
  std::string rest{key.substr(after_tenant + 3)};
  std::replace(rest.begin(), rest.end(), '/', '~');
  return object_place{hour_of(parts->job.created_at()), parts->tenant.value + '~' + rest};
}

std::optional<std::string> key_at(const object_place& place) {
  const auto after_tenant = place.name.find('~');
  if (after_tenant == std::string::npos) return {};
  auto rest = place.name.substr(after_tenant + 1);
  std::replace(rest.begin(), rest.end(), '~', '/');
  auto key = "t/" + place.name.substr(0, after_tenant) + "/j/" + rest;
  if (place_of(key) != place) return {};
  return key;
}

} // namespace reel
