// line_editor.hpp: Reads a line from a terminal with editing, history and completion, over libedit. One per process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reel::ctl {

class line_editor {
public:
  struct options {
    std::string history_file; ///< kept between runs, mode 0600; empty: not kept
    std::function<std::string()> prompt;
    /// The words before the last one, and that one as far as it is typed.
    std::function<std::vector<std::string>(const std::vector<std::string>& before, const std::string& typed)> complete;
  };

  explicit line_editor(options o);
  ~line_editor(); ///< writes the history
  line_editor(const line_editor&) = delete;
  line_editor& operator=(const line_editor&) = delete;

  /// Nothing: the end of input. Ctrl-C gives an empty line.
  std::optional<std::string> read();

  /// Not for lines with secrets.
  void remember(const std::string& line);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace reel::ctl
