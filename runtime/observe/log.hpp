// log.hpp: One JSON object per line, so that machines can read it and nothing a client sends can forge a line.
//
//   log::info("batch granted", {{"batch", to_string(id)}, {"jobs", 12}});
//   {"ts":"2026-11-22T15:51:42.123Z","level":"info","node":"control","event":"batch granted","batch":"...","jobs":12}
//
// Values are made UTF-8, escaped (no terminal obeys them) and cut at 1 KiB; a number that JSON does not have is null.
// Prompts, keys and tokens are never logged. Any thread may log; a line is written in one call. Nothing per job is
// logged above debug: at thousands of jobs a second the ledger is the record.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "messages/errc.hpp"

namespace reel::log {

enum class level { debug, info, warn, error, off };

/// "debug", "info", "warn", "error", "off"; anything else is info.
level parse_level(std::string_view text);

struct field {
  template <std::convertible_to<std::string_view> T> field(std::string_view k, const T& v)
      : key{k}, value{std::string_view{v}} {}
  field(std::string_view k, bool v) : key{k}, value{v} {}
  field(std::string_view k, std::integral auto v) : key{k}, value{static_cast<std::int64_t>(v)} {}
  field(std::string_view k, std::floating_point auto v) : key{k}, value{static_cast<double>(v)} {}
  field(std::string_view k, errc v) : key{k}, value{to_string(v)} {}

  std::string_view key;
  std::variant<std::string_view, bool, std::int64_t, double> value; ///< text must outlive the call only
};
using fields = std::initializer_list<field>;

struct options {
  level least = level::info;
  std::string node; ///< in every line
  std::string file; ///< empty: standard error
};

/// Called once by main(). Throws std::runtime_error when the file cannot be opened.
void start(const options& o);

bool enabled(level l);
void write(level l, std::string_view event, fields f);

inline void debug(std::string_view event, fields f = {}) {
  if (enabled(level::debug)) write(level::debug, event, f);
}
inline void info(std::string_view event, fields f = {}) { write(level::info, event, f); }
inline void warn(std::string_view event, fields f = {}) { write(level::warn, event, f); }
inline void error(std::string_view event, fields f = {}) { write(level::error, event, f); }

/// Lines written so far at this level, for metrics.
std::uint64_t lines_written(level l);

/// The line without its end, for tests; `now_ms` since 1970.
std::string format_line(level l, std::string_view node, std::string_view event, fields f, std::int64_t now_ms);

} // namespace reel::log
