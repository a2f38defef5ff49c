// terminal.hpp: The terminal that people see: its size, whether it shows colours, Ctrl-C, and a pager for what is
// longer than it. One per process; used by its main thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace reel::ctl::terminal {

bool is_there();     ///< standard output is one, or was before a pager took it
bool has_colours();  ///< a terminal, and NO_COLOR is not set
int columns();       ///< 80 where nobody knows
int rows();          ///< 24 likewise
int table_columns(); ///< what tables must fit; 0: no terminal, no limit

enum class colour { plain, good, warn, bad, dim, bold };
std::string paint(std::string_view text, colour c); ///< unchanged where there are no colours

/// What `run` prints to standard output goes to the terminal, through a pager where it is longer than that. Returns
/// what `run` returns.
int paged(const std::function<int()>& run);

/// Ctrl-C ends what goes on instead of the process while one of these lives.
class interruptible {
public:
  interruptible();
  ~interruptible();
  interruptible(const interruptible&) = delete;
  interruptible& operator=(const interruptible&) = delete;

  bool interrupted() const;
  /// False when it was interrupted.
  bool sleep_ms(int ms) const;
  /// A key that was pressed within that time, 0: none; Ctrl-C comes as 'q'.
  char key_within_ms(int ms) const;
};
/// Takes Ctrl-C for the whole process: nothing happens but that an `interruptible` sees it.
void take_interrupts();

/// The whole screen for a live view, back to what was there at its end; keys come at once and are not shown.
class full_screen {
public:
  full_screen();
  ~full_screen();
  full_screen(const full_screen&) = delete;
  full_screen& operator=(const full_screen&) = delete;

  /// Lines that do not fit are left out. Without flicker.
  void show(const std::string& text);

private:
  struct settings;
  settings* before_ = nullptr;
};

} // namespace reel::ctl::terminal
