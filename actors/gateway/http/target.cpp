#include "actors/gateway/http/target.hpp"

#include <algorithm>

namespace reel {

namespace {

constexpr std::size_t query_pairs_max = 32;
constexpr std::size_t segments_max = 16;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_plain_segment(std::string_view s) {
  if (s.empty() || s == "." || s == "..") return false;
  for (unsigned char c : s)
    if (c < 0x20 || c == 0x7f || c == '/' || c == '\\') return false;
  return true;
}

bool read_path(std::string_view text, std::vector<std::string>& path) {
  if (text.empty() || text[0] != '/') return false;
  text.remove_prefix(1);
  while (!text.empty()) {
    auto end = text.find('/');
    auto segment = percent_decode(text.substr(0, end));
    if (!segment || !is_plain_segment(*segment) || path.size() == segments_max) return false;
    path.push_back(std::move(*segment));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return true;
}

bool read_query(std::string_view text, std::vector<std::pair<std::string, std::string>>& query) {
  while (!text.empty()) {
    auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
    if (!name || !value || query.size() == query_pairs_max) return false;
    query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return {};
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else
      out += form && text[i] == '+' ? ' ' : text[i];
  }
  return out;
}

std::optional<http_target> parse_target(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) {
      auto slash = target.find('/', scheme.size());
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
      break;
    }
  http_target parts;
  auto mark = target.find('?');
  auto query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  if (!read_path(target.substr(0, mark), parts.path) || !read_query(query, parts.query)) return {};
  return parts;
}

} // namespace reel
