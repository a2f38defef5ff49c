// child_process.hpp: Runs a part of a test in a process of its own: one that may be killed, may give up its
// rights, or may have its own file systems and limits.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace reel {

/// The child's end of a pipe to the test.
class child_pipe {
public:
  explicit child_pipe(int fd) : fd_{fd} {}
  void say(std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n <= 0) ::_exit(3);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

private:
  int fd_;
};

class child_process {
public:
  explicit child_process(const std::function<void(child_pipe&)>& run) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error{"no pipe"};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      child_pipe pipe{ends[1]};
      try {
        run(pipe);
      } catch (const std::exception& why) {
        pipe.say(why.what());
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    from_child_ = ends[0];
  }
  ~child_process() {
    kill();
    ::close(from_child_);
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// Reads at least `bytes` or to the end.
  std::string read(std::size_t bytes = SIZE_MAX) {
    std::string all;
    char buffer[4096];
    while (all.size() < bytes) {
      auto n = ::read(from_child_, buffer, sizeof buffer);
      if (n <= 0) break;
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }

  /// SIGKILL, and waits until it is gone. How it ended, as waitpid() says.
  int kill() {
    if (pid_ <= 0) return status_;
    ::kill(pid_, SIGKILL);
    return wait();
  }
  int wait() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = 0;
    return status_;
  }

private:
  pid_t pid_ = 0;
  int from_child_ = -1;
  int status_ = 0;
};

/// Runs to the end; what the child said, or the text of its exception.
inline std::string run_in_child(const std::function<void(child_pipe&)>& run) {
  child_process child{run};
  auto said = child.read();
  if (int status = child.wait(); !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    said += " (ended with status " + std::to_string(status) + ")";
  return said;
}

} // namespace reel
