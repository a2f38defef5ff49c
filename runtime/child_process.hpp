// child_process.hpp: Starts programs and learns of their end at once, by pidfd (Linux 5.3), without a SIGCHLD
// handler and without a thread per child. Owned by whoever supervises processes; one per node process.
//
// A child gets `input` on its standard input and then end of file, so that secrets need neither argv nor
// environment. It dies with this process: the kernel sends it SIGKILL when our watching thread, which starts
// it, is gone.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace reel {

struct child_spec {
  std::vector<std::string> command; ///< program and arguments; the program by path
  std::string input;                ///< at most 64 KiB: what a pipe holds without a reader
  std::string log_file;             ///< standard output and error are appended here; empty: inherited
};

/// How a process ended, for logs: "exit code 3", "killed by signal 9".
struct child_exit {
  int code = 0;   ///< when it exited
  int signal = 0; ///< when a signal ended it, else 0
  std::string text() const;
  bool clean() const { return code == 0 && signal == 0; }
};

class child_processes {
public:
  /// Called from the watching thread, once per child; must not block.
  using on_exit = std::function<void(int pid, child_exit how)>;

  child_processes();
  ~child_processes(); ///< kills and reaps what still runs
  child_processes(const child_processes&) = delete;
  child_processes& operator=(const child_processes&) = delete;

  /// The pid. Throws std::runtime_error (program not found, no more processes) with the reason.
  int start(const child_spec& spec, on_exit done);

  /// False when it has ended already. Never hits another process: the pidfd is used.
  bool signal(int pid, int number);
  void signal_all(int number);

private:
  struct child {
    int pidfd;
    on_exit done;
  };
  struct start_request;

  void run();
  void serve(start_request& request);
  void reap(int pid);
  void wake();

  std::mutex mutex_;
  std::map<int, child> children_;
  start_request* pending_ = nullptr;
  bool stopping_ = false;
  int wake_fd_ = -1;
  std::thread thread_;
};

} // namespace reel
