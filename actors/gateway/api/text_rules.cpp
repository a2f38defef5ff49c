#include <charconv>
#include <fmt/format.h>

#include "actors/gateway/api/create_video.hpp"
#include "actors/gateway/text/utf8.hpp"

namespace reel {

namespace {

/// Exactly `digits` digits off the front.
bool take_number(std::string_view& rest, std::size_t digits, int& value) {
  if (rest.size() < digits) return false;
  for (char c : rest.substr(0, digits))
    if (c < '0' || c > '9') return false;
  std::from_chars(rest.data(), rest.data() + digits, value);
  rest.remove_prefix(digits);
  return true;
}

bool take(std::string_view& rest, std::string_view any_of) {
  if (rest.empty() || any_of.find(rest[0]) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  return true;
}

/// ".123", any number of digits; milliseconds are kept.
bool take_fraction(std::string_view& rest, int& ms) {
  if (!take(rest, ".")) return true;
  std::size_t digits = 0;
  for (int unit = 100; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; unit /= 10, ++digits) {
    ms += unit * (rest[0] - '0');
    rest.remove_prefix(1);
  }
  return digits > 0;
}

bool take_offset(std::string_view& rest, std::chrono::minutes& offset) {
  if (take(rest, "Zz")) return rest.empty();
  int sign = rest.starts_with('-') ? -1 : 1, hours = 0, minutes = 0;
  if (!take(rest, "+-") || !take_number(rest, 2, hours) || !take(rest, ":") || !take_number(rest, 2, minutes))
    return false;
  offset = sign * (std::chrono::hours{hours} + std::chrono::minutes{minutes});
  return rest.empty() && hours < 24 && minutes < 60;
}

} // namespace

std::string text_problem(std::string_view text) {
  auto whole = text;
  while (!text.empty()) {
    auto at = std::to_string(whole.size() - text.size());
    auto c = take_code_point(text);
    if (c == not_utf8) return "invalid UTF-8 at byte " + at;
    if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0))
      return fmt::format("control character U+{:04X} at byte {}", static_cast<std::uint32_t>(c), at);
  }
  return {};
}

std::optional<wall_time> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  minutes offset{0};
  bool read = take_number(text, 4, y) && take(text, "-") && take_number(text, 2, mo) && take(text, "-") &&
              take_number(text, 2, d) && take(text, "Tt ") && take_number(text, 2, h) && take(text, ":") &&
              take_number(text, 2, mi) && take(text, ":") && take_number(text, 2, s) && take_fraction(text, ms) &&
              take_offset(text, offset);
  year_month_day date{year{y}, month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!read || !date.ok() || h > 23 || mi > 59 || s > 60) return {};
  return wall_time{sys_days{date}} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms} - offset;
}

} // namespace reel
