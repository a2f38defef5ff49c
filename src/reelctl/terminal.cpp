#include "src/reelctl/terminal.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "src/reelctl/table.hpp"

namespace reel::ctl::terminal {

namespace {

int paged_from = -1; ///< standard output while a pager has it
volatile std::sig_atomic_t interrupts = 0;

int screen() { return paged_from >= 0 ? paged_from : STDOUT_FILENO; }

winsize size() {
  winsize w{};
  if (::ioctl(screen(), TIOCGWINSZ, &w) != 0) w = {};
  return w;
}

void on_interrupt(int) { interrupts = interrupts + 1; }

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written <= 0) return; // the pager has seen enough
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string pager() {
  const char* chosen = std::getenv("PAGER");
  if (chosen) return chosen;
  return ::access("/usr/bin/less", X_OK) == 0 ? "less -FRX" : "more";
}

void page(const std::string& text) {
  std::fflush(stdout);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  if (auto* to = ::popen(pager().c_str(), "w")) {
    write_all(::fileno(to), text);
    ::pclose(to);
  } else
    write_all(STDOUT_FILENO, text);
  std::signal(SIGPIPE, before);
}

/// Lines as the terminal breaks them.
std::size_t height_of(const std::string& text) {
  std::size_t lines = 0;
  const auto wide = static_cast<std::size_t>(std::max(columns(), 1));
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines += std::max<std::size_t>(1, (cells_of(std::string_view{text}.substr(at, end - at)) + wide - 1) / wide);
    at = end + 1;
  }
  return lines;
}

std::string read_file(int fd) {
  std::string text(static_cast<std::size_t>(std::max<off_t>(::lseek(fd, 0, SEEK_END), 0)), '\0');
  std::size_t at = 0;
  for (ssize_t got; at < text.size() && (got = ::pread(fd, &text[at], text.size() - at, static_cast<off_t>(at))) > 0;)
    at += static_cast<std::size_t>(got);
  return text;
}

/// Gives standard output back, whatever happens.
class taken_output {
public:
  explicit taken_output(int to) {
    std::fflush(stdout);
    paged_from = ::dup(STDOUT_FILENO);
    ::dup2(to, STDOUT_FILENO);
  }
  ~taken_output() {
    std::fflush(stdout);
    ::dup2(paged_from, STDOUT_FILENO);
    ::close(paged_from);
    paged_from = -1;
  }
};

} // namespace

bool is_there() { return ::isatty(screen()) != 0; }

bool has_colours() {
  const char* none = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return is_there() && !(none && *none) && !(term && std::string_view{term} == "dumb");
}

int columns() { return size().ws_col > 0 ? size().ws_col : 80; }
int rows() { return size().ws_row > 0 ? size().ws_row : 24; }
int table_columns() { return is_there() ? columns() : 0; }

std::string paint(std::string_view text, colour c) {
  if (c == colour::plain || !has_colours()) return std::string{text};
  constexpr const char* codes[] = {"0", "32", "33", "1;31", "2", "1"};
  return "\x1b[" + std::string{codes[static_cast<int>(c)]} + "m" + std::string{text} + "\x1b[0m";
}

int paged(const std::function<int()>& run) {
  const int file = is_there() && paged_from < 0 ? ::memfd_create("output", MFD_CLOEXEC) : -1;
  if (file < 0) return run();
  int code = 0;
  try {
    taken_output taken{file};
    code = run();
  } catch (...) {
    write_all(STDOUT_FILENO, read_file(file));
    ::close(file);
    throw;
  }
  const auto text = read_file(file);
  ::close(file);
  if (height_of(text) < static_cast<std::size_t>(rows()))
    write_all(STDOUT_FILENO, text);
  else
    page(text);
  return code;
}

void take_interrupts() {
  struct sigaction act {};
  act.sa_handler = on_interrupt; // without SA_RESTART: whoever waits for input hears of it
  ::sigaction(SIGINT, &act, nullptr);
}

namespace {
struct sigaction interrupts_before;
int interruptible_depth = 0;
} // namespace

interruptible::interruptible() {
  interrupts = 0;
  if (interruptible_depth++ > 0) return;
  ::sigaction(SIGINT, nullptr, &interrupts_before);
  take_interrupts();
}

interruptible::~interruptible() {
  if (--interruptible_depth == 0) ::sigaction(SIGINT, &interrupts_before, nullptr);
}

bool interruptible::interrupted() const { return interrupts > 0; }

bool interruptible::sleep_ms(int ms) const {
  if (interrupts == 0) ::poll(nullptr, 0, ms); // ended early by a signal
  return interrupts == 0;
}

char interruptible::key_within_ms(int ms) const {
  if (interrupts > 0) return 'q';
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const int ready = ::poll(&input, 1, ms);
  if (interrupts > 0) return 'q';
  char key = 0;
  if (ready <= 0) return 0;
  return ::read(STDIN_FILENO, &key, 1) == 1 ? key : 'q';
}

// ---------------------------------------------------------------- the whole screen

struct full_screen::settings {
  termios modes{};
};

full_screen::full_screen() {
  if (!is_there()) return;
  if (::isatty(STDIN_FILENO) != 0) {
    before_ = new settings;
    ::tcgetattr(STDIN_FILENO, &before_->modes);
    auto now = before_->modes;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
  std::fflush(stdout);
  write_all(STDOUT_FILENO, "\x1b[?1049h\x1b[?25l\x1b[2J");
}

full_screen::~full_screen() {
  if (!is_there()) return;
  write_all(STDOUT_FILENO, "\x1b[?25h\x1b[?1049l");
  if (!before_) return;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_->modes);
  delete before_;
}

void full_screen::show(const std::string& text) {
  if (!is_there()) return write_all(STDOUT_FILENO, text + '\n');
  std::string out = "\x1b[H";
  int line = 0;
  for (std::size_t at = 0; at < text.size() && line < rows(); ++line) {
    const auto end = std::min(text.find('\n', at), text.size());
    out += (line > 0 ? "\r\n" : "") + text.substr(at, end - at) + "\x1b[0m\x1b[K";
    at = end + 1;
  }
  write_all(STDOUT_FILENO, out + "\x1b[J");
}

} // namespace reel::ctl::terminal
