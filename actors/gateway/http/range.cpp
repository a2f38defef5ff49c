#include "actors/gateway/http/range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace reel {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || bad != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

} // namespace

byte_range parse_range(std::string_view range, std::uint64_t size_bytes) {
  const byte_range whole{byte_range::kind::whole, 0, size_bytes};
  constexpr std::string_view unit = "bytes=";
  range = trimmed(range);
  if (!range.starts_with(unit) || range.find(',') != std::string_view::npos) return whole;
  range = trimmed(range.substr(unit.size()));
  auto dash = range.find('-');
  if (dash == std::string_view::npos) return whole;
  auto from = range.substr(0, dash), to = range.substr(dash + 1);
  auto first = number(from), last = number(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (from.empty() && to.empty())) return whole;
  if (!first) { // the last N bytes
    auto length = std::min(*last, size_bytes);
    if (length == 0) return {byte_range::kind::unsatisfiable, 0, 0};
    return {byte_range::kind::part, size_bytes - length, length};
  }
  if (last && *last < *first) return whole;
  if (*first >= size_bytes) return {byte_range::kind::unsatisfiable, 0, 0};
  auto end = last ? std::min(*last, size_bytes - 1) : size_bytes - 1;
  return {byte_range::kind::part, *first, end - *first + 1};
}

bool names_etag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    auto one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    one = trimmed(one);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
  }
  return false;
}

} // namespace reel
