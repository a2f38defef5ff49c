// pty_session.hpp: A program on a terminal of its own, driven like a person would: types, and waits for what it shows.
// One thread. What it starts is killed with it.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

namespace reel::testing {

class pty_session {
public:
  /// `environment`: "NAME=value", beside what this process has.
  pty_session(std::vector<std::string> command, std::vector<std::string> environment, unsigned short columns = 80,
              unsigned short rows = 24) {
    winsize size{rows, columns, 0, 0};
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      for (auto& one : environment) ::putenv(one.data());
      std::vector<char*> words;
      for (auto& word : command) words.push_back(word.data());
      words.push_back(nullptr);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    master_ = master;
    ::fcntl(master_, F_SETFD, FD_CLOEXEC);
  }
  ~pty_session() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(master_);
  }
  pty_session(const pty_session&) = delete;
  pty_session& operator=(const pty_session&) = delete;

  void type(const std::string& text) {
    mark_ = shown_.size();
    REQUIRE(::write(master_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

  /// A key that a line editor takes, and the terminal itself would take while nobody edits: not before somebody does.
  void press(const std::string& key) {
    const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    for (termios t{}; ::tcgetattr(master_, &t) == 0 && (t.c_lflag & ICANON); read_some())
      if (std::chrono::steady_clock::now() > give_up_at || ended_) FAIL("no line is edited; what is shown: " << shown_);
    type(key);
  }

  /// Until it shows this, behind what was there when something was typed last; and goes on behind it.
  void expect(const std::string& text) {
    const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    for (std::size_t at; (at = shown_.find(text, mark_)) == std::string::npos; read_some())
      if (std::chrono::steady_clock::now() > give_up_at || ended_)
        FAIL("'" << text << "' is not shown; what is: " << shown_.substr(mark_));
      else
        continue;
    mark_ = shown_.find(text, mark_) + text.size();
  }

  /// All that it has shown since the start.
  const std::string& shown() const { return shown_; }

  /// The same as it came, with what moves the cursor and colours.
  const std::string& written() const { return written_; }

  /// Its exit code.
  int wait() {
    const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (!ended_) {
      read_some();
      if (std::chrono::steady_clock::now() > give_up_at) FAIL("it does not end; what it shows: " << shown_);
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

private:
  void read_some() {
    pollfd input{master_, POLLIN, 0};
    if (::poll(&input, 1, 100) <= 0) return;
    char buffer[4096];
    const auto got = ::read(master_, buffer, sizeof buffer);
    if (got <= 0) {
      ended_ = true; // EIO: nobody has the terminal open any more
      return;
    }
    written_.append(buffer, static_cast<std::size_t>(got));
    for (char c : std::string_view{buffer, static_cast<std::size_t>(got)}) show(c);
  }

  /// What moves the cursor or colours is not shown: ECMA-48 control sequences, ESC [ up to a byte of @ to ~.
  void show(char c) {
    if (c == '\x1b') {
      sequence_ = c;
    } else if (sequence_.size() == 1) {
      sequence_ = c == '[' ? sequence_ + c : std::string{};
    } else if (!sequence_.empty()) {
      if (c >= '@' && c <= '~') sequence_.clear();
    } else if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= ' ') {
      shown_ += c;
    }
  }

  pid_t pid_ = -1;
  int master_ = -1;
  bool ended_ = false;
  std::string written_, shown_, sequence_;
  std::size_t mark_ = 0;
};

} // namespace reel::testing
