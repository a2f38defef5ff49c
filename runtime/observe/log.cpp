#include "runtime/observe/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <ctime>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "messages/wire/utf8.hpp"

namespace reel::log {

namespace {

constexpr std::size_t text_bytes_max = 1024;

std::string_view name_of(level l) {
  switch (l) {
  case level::debug: return "debug";
  case level::info: return "info";
  case level::warn: return "warn";
  default: return "error";
  }
}

spdlog::level::level_enum spdlog_level(level l) {
  switch (l) {
  case level::debug: return spdlog::level::debug;
  case level::info: return spdlog::level::info;
  case level::warn: return spdlog::level::warn;
  case level::error: return spdlog::level::err;
  default: return spdlog::level::off;
  }
}

/// One character, as JSON wants it. Escapes quotes, the line separators of JavaScript and all controls: a terminal
/// obeys those of U+0080 to U+009F as it does ESC.
std::size_t append_character(std::string& out, std::string_view rest) {
  const auto c = static_cast<unsigned char>(rest[0]);
  const auto next = static_cast<unsigned char>(rest.size() > 1 ? rest[1] : 0);
  if (c < 0x20 || c == 0x7f) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    return 1;
  }
  if (c == 0xc2 && next < 0xa0) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", next);
    return 2;
  }
  if (rest.starts_with("\u2028") || rest.starts_with("\u2029")) {
    out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
    return 3;
  }
  if (c == '"' || c == '\\') out += '\\';
  out += rest[0];
  return 1;
}

/// Cuts at a whole character; what is no UTF-8 becomes '?'.
void append_text(std::string& out, std::string_view text) {
  const auto good = wire::make_well_formed(text, text_bytes_max);
  out += '"';
  for (std::size_t i = 0; i < good.size();) i += append_character(out, std::string_view{good}.substr(i));
  out += text.size() > text_bytes_max ? "...\"" : "\"";
}

void append_value(std::string& out, const field& f) {
  if (auto* text = std::get_if<std::string_view>(&f.value))
    append_text(out, *text);
  else if (auto* flag = std::get_if<bool>(&f.value))
    out += *flag ? "true" : "false";
  else if (auto* number = std::get_if<std::int64_t>(&f.value))
    out += std::to_string(*number);
  else if (auto real = std::get<double>(f.value); std::isfinite(real))
    fmt::format_to(std::back_inserter(out), "{}", real);
  else
    out += "null"; // JSON has neither infinity nor NaN
}

std::array<std::atomic<std::uint64_t>, 4> lines{}; ///< by level

std::string& node_name() {
  static std::string name;
  return name;
}

} // namespace

level parse_level(std::string_view text) {
  for (auto l : {level::debug, level::warn, level::error})
    if (text == name_of(l)) return l;
  return text == "off" ? level::off : level::info;
}

std::string format_line(level l, std::string_view node, std::string_view event, fields f, std::int64_t now_ms) {
  std::time_t seconds = now_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  std::string line = fmt::format(R"({{"ts":"{}.{:03}Z","level":"{}","node":)", stamp, now_ms % 1000, name_of(l));
  append_text(line, node);
  line += ",\"event\":";
  append_text(line, event);
  for (const auto& one : f) {
    line += ',';
    append_text(line, one.key);
    line += ':';
    append_value(line, one);
  }
  line += '}';
  return line;
}

void start(const options& o) {
  node_name() = o.node;
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (o.file.empty())
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(o.file);
  auto logger = std::make_shared<spdlog::logger>("reel", sink);
  logger->set_pattern("%v");
  logger->set_level(spdlog_level(o.least));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

std::uint64_t lines_written(level l) { return lines.at(static_cast<std::size_t>(l)); }

bool enabled(level l) { return spdlog::default_logger_raw()->should_log(spdlog_level(l)); }

void write(level l, std::string_view event, fields f) {
  if (!enabled(l)) return;
  ++lines[std::min(static_cast<std::size_t>(l), lines.size() - 1)];
  auto now = std::chrono::system_clock::now().time_since_epoch();
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  spdlog::default_logger_raw()->log(spdlog_level(l), format_line(l, node_name(), event, f, ms));
}

} // namespace reel::log
