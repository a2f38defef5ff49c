// parser.hpp: One line of JSON to one event, without building a document: a history may have tens of millions of lines.
// Flat objects only; numbers are integers; a field that the line's rule does not know is refused by name, but for those
// that begin with "x_", which are remarks. Not thread-safe: one parser per thread.
#pragma once

#include <memory>

#include "src/reel-check/format.hpp"

namespace reel::check {

/// Where a line is: 16 bits of file, 48 bits of line (from 1). The default is no line.
struct line_ref {
  std::uint64_t packed = 0;

  static constexpr std::size_t files_max = (1u << 16) - 1;
  static line_ref make(std::size_t file, std::uint64_t line) { return {static_cast<std::uint64_t>(file) << 48 | line}; }
  std::size_t file() const { return static_cast<std::size_t>(packed >> 48); }
  std::uint64_t line() const { return packed & ((std::uint64_t{1} << 48) - 1); }
  explicit operator bool() const { return packed != 0; }
  auto operator<=>(const line_ref&) const = default;
};

/// Texts point into the line or the parser: they live until the next line is parsed.
struct event {
  op what = op::history;
  phase when = phase::none;
  observer_kind writer = observer_kind::count; ///< whose file the line belongs into; count: any
  field_set present = 0;
  std::array<std::string_view, fields_count> texts;
  std::array<std::int64_t, fields_count> numbers{};
  line_ref at;           ///< set by the reader
  std::int64_t time = 0; ///< nanoseconds on the clock common to all files; set by the reader

  bool has(field f) const { return (present & bit(f)) != 0; }
  std::string_view text(field f) const { return has(f) ? texts[static_cast<std::size_t>(f)] : std::string_view{}; }
  std::int64_t number(field f, std::int64_t otherwise = 0) const {
    return has(f) ? numbers[static_cast<std::size_t>(f)] : otherwise;
  }
  bool flag(field f, bool otherwise = false) const { return number(f, otherwise) != 0; }
  template <class Choice> Choice choice(field f) const { return static_cast<Choice>(number(f)); }
};

class line_parser {
public:
  line_parser();
  ~line_parser();

  /// Throws format_error with the reason alone.
  void parse(std::string_view line, event& out);

private:
  struct machine;
  std::unique_ptr<machine> machine_;
};

} // namespace reel::check
