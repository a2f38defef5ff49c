#include "actors/scheduler/off_peak.hpp"

#include <algorithm>

namespace reel {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr std::chrono::minutes day = 24h;

/// "HH:MM".
std::optional<std::chrono::minutes> parse_time(std::string_view text) {
  auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return {};
  auto two = [&](std::size_t i) { return (text[i] - '0') * 10 + (text[i + 1] - '0'); };
  if (two(3) > 59) return {};
  return std::chrono::hours{two(0)} + std::chrono::minutes{two(3)};
}

} // namespace

off_peak_windows::off_peak_windows(const std::vector<window>& windows, minutes zone) : zone_{zone} {
  std::vector<window> parts;
  for (const auto& w : windows) {
    if (w.begin < w.end) {
      parts.push_back(w);
      continue;
    }
    parts.push_back({w.begin, day});
    parts.push_back({0min, w.end});
  }
  std::ranges::sort(parts, {}, &window::begin);
  for (const auto& p : parts) {
    if (p.begin == p.end) continue; // "22:00-00:00" has nothing after midnight
    if (!spans_.empty() && p.begin <= spans_.back().end)
      spans_.back().end = std::max(spans_.back().end, p.end);
    else
      spans_.push_back(p);
  }
}

bool off_peak_windows::open(wall_time at) const {
  auto local = at.time_since_epoch() + zone_;
  auto time = local - std::chrono::floor<std::chrono::days>(local);
  return std::ranges::any_of(spans_, [&](const window& s) { return s.begin <= time && time < s.end; });
}

/// The next begin or end. What ends at midnight and begins there again does neither.
std::optional<wall_time> off_peak_windows::next(wall_time at, bool begin) const {
  bool joined = !spans_.empty() && spans_.front().begin == 0min && spans_.back().end == day;
  auto local = at.time_since_epoch() + zone_;
  milliseconds today = std::chrono::floor<std::chrono::days>(local);
  for (auto midnight : {today, today + day, today + 2 * day})
    for (const auto& s : spans_) {
      if (joined && (begin ? s.begin == 0min : s.end == day)) continue;
      if (auto edge = midnight + (begin ? s.begin : s.end); edge > local) return wall_time{edge - zone_};
    }
  return {};
}

std::optional<wall_time> off_peak_windows::next_change(wall_time at) const {
  auto begins = next(at, true), ends = next(at, false);
  return begins && ends ? std::min(begins, ends) : begins;
}

/// Inside, from midnight to this time of the day.
milliseconds off_peak_windows::since_midnight(milliseconds time) const {
  milliseconds sum{0};
  for (const auto& s : spans_) sum += std::clamp<milliseconds>(time - s.begin, 0ms, s.end - s.begin);
  return sum;
}

milliseconds off_peak_windows::within(wall_time from, wall_time to) const {
  if (to <= from) return 0ms;
  auto inside_until = [this](wall_time at) {
    auto local = at.time_since_epoch() + zone_;
    auto days = std::chrono::floor<std::chrono::days>(local);
    return days.count() * since_midnight(day) + since_midnight(local - days);
  };
  return inside_until(to) - inside_until(from);
}

std::optional<off_peak_windows::window> parse_off_peak_window(std::string_view text) {
  if (text.size() != 11 || text[5] != '-') return {};
  auto begin = parse_time(text.substr(0, 5)), end = parse_time(text.substr(6));
  if (!begin || !end || *begin > day || *end > day || *begin == *end) return {};
  return off_peak_windows::window{*begin, *end};
}

std::optional<std::chrono::minutes> parse_utc_offset(std::string_view text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return {};
  auto time = parse_time(text.substr(1));
  if (!time || *time > 14h) return {};
  return text[0] == '+' ? *time : -*time;
}

} // namespace reel
