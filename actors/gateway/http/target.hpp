// http/target.hpp: A request target taken apart: decoded path segments and query parameters. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reel {

/// Decodes %XX (and '+' as a space where `form`). Empty for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool form = false);

struct http_target {
  std::vector<std::string> path; ///< "/v1/videos/x" -> {"v1", "videos", "x"}; no segment is ".", ".." or holds '/'
  std::vector<std::pair<std::string, std::string>> query; ///< in order, at most 32
};

/// Takes origin form ("/a?b=c") and absolute form ("http://host/a?b=c"). Empty for anything malformed: broken
/// escapes, control characters, a decoded '/' or '\', dot segments, empty segments (but one '/' at the end is
/// fine).
std::optional<http_target> parse_target(std::string_view target);

} // namespace reel
