#include "runtime/time_zone.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace reel {

using namespace std::chrono;

namespace {

constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t file_bytes_max = 1u << 20; ///< the largest there is has 4 KiB
constexpr std::size_t types_max = 256;           ///< a transition names its type in one byte

constexpr seconds offset_most = hours{26}; ///< RFC 8536, 3.2

struct malformed {};

void require(bool holds) {
  if (!holds) throw malformed{};
}

// ---------------------------------------------------------------- the footer: what holds after the last transition

/// "M3.5.0/2": the day of the week `on` for the `week`th time in the month (5: the last time), `at` local time.
struct yearly {
  month in{1};
  unsigned week = 1;
  weekday on{0u};
  seconds at = hours{2};

  sys_seconds in_year(year y) const {
    const auto day = week == 5 ? sys_days{y / in / on[last]} : sys_days{y / in / on[week]};
    return day + at;
  }
};

/// A POSIX TZ text like "CET-1CEST,M3.5.0,M10.5.0/3".
struct footer_rule {
  seconds standard{0}, summer{0};
  bool has_summer = false;
  yearly starts, ends;

  seconds offset_at(sys_seconds t) const {
    if (!has_summer) return standard;
    const auto y = year_month_day{floor<days>(t + standard)}.year();
    const auto start = starts.in_year(y) - standard, end = ends.in_year(y) - summer;
    const bool is_summer = start < end ? t >= start && t < end : t >= start || t < end;
    return is_summer ? summer : standard;
  }
};

class footer_reader {
public:
  explicit footer_reader(std::string_view text) : rest_{text} {}

  footer_rule read() {
    footer_rule r;
    skip_name();
    r.standard = -time(); // POSIX counts westwards
    require(abs(r.standard) <= offset_most);
    r.has_summer = !rest_.empty();
    if (!r.has_summer) return r;
    skip_name();
    r.summer = rest_.starts_with(',') ? r.standard + hours{1} : -time();
    require(abs(r.summer) <= offset_most);
    r.starts = date();
    r.ends = date();
    require(rest_.empty());
    return r;
  }

private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void skip_name() {
    const auto end = rest_.starts_with('<') ? rest_.find('>') + 1 : rest_.find_first_of("+-0123456789,");
    require(end != 0 && end <= rest_.size());
    rest_.remove_prefix(end);
  }

  int number(int least, int most) {
    int value = 0;
    const auto [end, bad] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    require(bad == std::errc{} && value >= least && value <= most);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  /// "[+-]hh[:mm[:ss]]"; up to a week in a rule (RFC 8536, 3.3.1).
  seconds time() {
    const bool negative = take('-');
    if (!negative) take('+');
    seconds t = hours{number(0, 167)};
    if (take(':')) t += minutes{number(0, 59)};
    if (take(':')) t += seconds{number(0, 59)};
    return negative ? -t : t;
  }

  /// Only the form with month, week and day is in use in the tz database.
  yearly date() {
    yearly d;
    require(take(',') && take('M'));
    d.in = month{static_cast<unsigned>(number(1, 12))};
    require(take('.'));
    d.week = static_cast<unsigned>(number(1, 5));
    require(take('.'));
    d.on = weekday{static_cast<unsigned>(number(0, 6))};
    if (take('/')) d.at = time();
    return d;
  }

  std::string_view rest_;
};

// ---------------------------------------------------------------- the file

class tzif_reader {
public:
  explicit tzif_reader(std::string_view bytes) : rest_{bytes} {}

  struct counts {
    std::size_t is_ut, is_standard, leaps, times, types, letters;
  };

  counts header() {
    require(take(4) == "TZif");
    require(take(1) >= "2"); // the first version ends in 2037
    take(15);
    return {integer<4>(), integer<4>(), integer<4>(), integer<4>(), integer<4>(), integer<4>()};
  }

  void skip_first_block(const counts& c) {
    take(c.times * 5 + c.types * 6 + c.letters + c.leaps * 8 + c.is_standard + c.is_ut);
  }

  template <std::size_t size> std::uint64_t integer() {
    std::uint64_t value = 0;
    for (unsigned char byte : take(size)) value = value << 8 | byte;
    return value;
  }

  std::string_view take(std::size_t bytes) {
    require(bytes <= rest_.size());
    const auto taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view line() {
    require(take(1) == "\n");
    const auto end = rest_.find('\n');
    require(end != std::string_view::npos);
    return take(end);
  }

private:
  std::string_view rest_;
};

std::optional<seconds> parse_offset(std::string_view text) {
  const auto digit = [text](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return {};
  if (!digit(1) || !digit(2) || !digit(4) || !digit(5)) return {};
  const auto two = [text](std::size_t i) { return (text[i] - '0') * 10 + text[i + 1] - '0'; };
  const seconds offset = hours{two(1)} + minutes{two(4)};
  if (two(4) > 59 || offset > hours{14}) return {};
  return text[0] == '-' ? -offset : offset;
}

/// Letters, digits and "_+-", in parts of a path: nothing that leads out of the folder.
bool is_zone_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= name_bytes_max && name.front() != '/' && std::ranges::all_of(name, plain);
}

} // namespace

struct time_zone::rules {
  std::vector<sys_seconds> times;     ///< ascending
  std::vector<std::size_t> type_from; ///< from that time on
  std::vector<seconds> offsets;       ///< of each type; the first holds before all times
  std::optional<footer_rule> afterwards;

  seconds offset_at(sys_seconds t) const {
    const auto next = std::ranges::upper_bound(times, t);
    if (next == times.end() && afterwards) return afterwards->offset_at(t);
    if (next == times.begin()) return offsets.front();
    return offsets[type_from[static_cast<std::size_t>(next - times.begin()) - 1]];
  }
};

namespace {

time_zone::rules read_rules(std::string_view tzif) {
  tzif_reader in{tzif};
  in.skip_first_block(in.header());
  const auto c = in.header();
  require(c.leaps == 0 && c.types > 0 && c.types <= types_max && c.times <= tzif.size());
  time_zone::rules r;
  for (std::size_t i = 0; i < c.times; ++i) r.times.emplace_back(seconds{static_cast<std::int64_t>(in.integer<8>())});
  require(std::ranges::is_sorted(r.times));
  for (std::size_t i = 0; i < c.times; ++i) r.type_from.push_back(in.integer<1>());
  for (std::size_t i = 0; i < c.types; ++i) {
    r.offsets.emplace_back(static_cast<std::int32_t>(in.integer<4>()));
    require(abs(r.offsets.back()) <= offset_most);
    in.take(2); // whether it is summer time, and its abbreviation
  }
  require(std::ranges::all_of(r.type_from, [&c](std::size_t type) { return type < c.types; }));
  in.take(c.letters + c.is_standard + c.is_ut);
  if (const auto footer = in.line(); !footer.empty()) r.afterwards = footer_reader{footer}.read();
  return r;
}

} // namespace

time_zone time_zone::parse(std::string name, std::string_view tzif) {
  time_zone zone;
  try {
    zone.rules_ = std::make_shared<const rules>(read_rules(tzif));
  } catch (const malformed&) {
    throw std::runtime_error{"the tz database's file of '" + name + "' cannot be used: TZif 2 or later expected"};
  }
  zone.name_ = std::move(name);
  return zone;
}

time_zone time_zone::load(const std::string& name, const std::filesystem::path& folder) {
  if (name == "UTC") return {};
  if (const auto offset = parse_offset(name)) {
    time_zone zone;
    zone.name_ = name;
    zone.fixed_ = *offset;
    return zone;
  }
  std::ifstream in;
  if (is_zone_name(name) && std::filesystem::is_regular_file(folder / name)) in.open(folder / name, std::ios::binary);
  if (!in.is_open())
    throw std::runtime_error{"no time zone '" + name.substr(0, name_bytes_max) +
                             "': allowed are \"UTC\", an offset like \"+02:00\" and the names in " + folder.string() +
                             ", like \"Europe/Berlin\""};
  std::string bytes(file_bytes_max, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return parse(name, bytes);
}

seconds time_zone::offset_at(wall_time t) const { return rules_ ? rules_->offset_at(floor<seconds>(t)) : fixed_; }

std::int32_t time_zone::day_number(wall_time t) const {
  return static_cast<std::int32_t>(floor<days>(t + offset_at(t)).time_since_epoch().count());
}

/// Midnight may not exist or come twice, and a day may have up to 26 hours: so its end is looked for.
calendar_day time_zone::day_at(wall_time t) const {
  const auto number = day_number(t);
  auto before = floor<seconds>(t), after = before + hours{48};
  while (after - before > seconds{1}) {
    const auto middle = before + (after - before) / 2;
    (day_number(middle) > number ? after : before) = middle;
  }
  return {number, after};
}

} // namespace reel
