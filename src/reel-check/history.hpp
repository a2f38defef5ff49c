// history.hpp: Reads the files of a history, one after another in the order of their observers, line by line. Memory:
// one line. A file that was cut off (no `close` line, or a last line without its end) is read as far as it goes and
// counted as incomplete: what it shows still counts, what it lacks proves nothing.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/reel-check/parser.hpp"

namespace reel::check {

/// One observer's file. Opened again when lines have to be shown.
struct input {
  std::string name;
  std::function<std::unique_ptr<std::istream>()> open; ///< null or not good: it cannot be read
  std::uint64_t lines_before = 0;                      ///< in the file it is a part of
};

inline constexpr std::size_t joined_bytes_max = 16u << 20; ///< larger files are not looked through for parts

/// A file; when it is small, the files of several observers may follow one another in it.
std::vector<input> file_inputs(const std::string& path);
std::vector<input> text_inputs(const std::string& name, const std::string& text);

/// What the first line of a file says.
struct source {
  std::string name;
  observer_kind observer = observer_kind::ledger;
  std::string clock;
  std::int64_t offset_ns = 0; ///< added to its times gives the common time
  std::int64_t error_ns = 0;  ///< how far the sum may be from it, either way
  bool complete = false;
};

class history {
public:
  /// Reads the first line of each. Throws format_error.
  explicit history(std::vector<input> inputs);

  using line_handler = std::function<void(const event&)>;

  /// Every line but first and last ones, all files of one observer after another, in the order given; `at_end` after
  /// each file. Throws format_error with file and line.
  void each(
      observer_kind observer, const line_handler& handle, const std::function<void()>& at_end = [] {});

  const source& source_of(line_ref at) const { return sources_[at.file()]; }
  const std::vector<source>& sources() const { return sources_; }
  bool has(observer_kind observer) const;
  bool complete(observer_kind observer) const; ///< there is at least one file, and all were closed; once read
  std::uint64_t lines() const { return lines_; }

  /// What two lines' times may differ without telling which was first: nothing on one clock.
  std::int64_t slack(line_ref a, line_ref b) const;

  /// The text of lines, read again. Lines that are gone are left out.
  std::map<line_ref, std::string> texts_of(const std::vector<line_ref>& lines) const;

  [[noreturn]] void refuse(line_ref at, const std::string& reason) const;

private:
  class reader;
  void read_file(std::size_t file, const line_handler& handle);
  void read_head(std::size_t file);

  std::vector<input> inputs_;
  std::vector<source> sources_;
  std::uint64_t lines_ = 0;
};

} // namespace reel::check
