#include "runtime/child_process.hpp"
#include "runtime/thread_name.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <future>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace reel {

struct child_processes::start_request {
  const child_spec& spec;
  on_exit done;
  std::promise<int> pid;
};

namespace {

int pidfd_open(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
int pidfd_send_signal(int fd, int number) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, fd, number, nullptr, 0));
}

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::runtime_error{fmt::format("{}: {}", what, std::strerror(errno))};
}

/// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char** argv, int in, int out, int report, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127); // the parent died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(in, 0);
  if (out >= 0) {
    ::dup2(out, 1);
    ::dup2(out, 2);
  }
  ::execv(argv[0], argv);
  int why = errno;
  if (::write(report, &why, sizeof why) < 0) ::_exit(126);
  ::_exit(127);
}

struct descriptor {
  int fd = -1;
  explicit descriptor(int f) : fd{f} {}
  ~descriptor() { reset(); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  void reset() {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
};

/// Forks and waits until the child has become the program or failed to.
int spawn(const child_spec& spec) {
  std::vector<char*> argv;
  for (const auto& word : spec.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int in[2], report[2];
  if (::pipe2(in, O_CLOEXEC) != 0) throw_errno("pipe");
  descriptor in_read{in[0]}, in_write{in[1]};
  if (::pipe2(report, O_CLOEXEC) != 0) throw_errno("pipe");
  descriptor report_read{report[0]}, report_write{report[1]};
  descriptor out{
      spec.log_file.empty() ? -1 : ::open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!spec.log_file.empty() && out.fd < 0) throw_errno(spec.log_file);
  if (spec.input.size() > 65536) throw std::runtime_error{"input of a child is over 64 KiB"};
  if (::write(in_write.fd, spec.input.data(), spec.input.size()) < 0) throw_errno("pipe");
  in_write.reset();

  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) become(argv.data(), in_read.fd, out.fd, report_write.fd, parent);
  report_write.reset();
  int why = 0;
  if (::read(report_read.fd, &why, sizeof why) == sizeof why) {
    ::waitpid(pid, nullptr, 0);
    throw std::runtime_error{fmt::format("{}: {}", spec.command.front(), std::strerror(why))};
  }
  return pid;
}

} // namespace

std::string child_exit::text() const {
  if (signal != 0) return fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("exit code {}", code);
}

child_processes::child_processes() : wake_fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  if (wake_fd_ < 0) throw_errno("eventfd");
  thread_ = std::thread{[this] { run(); }};
}

child_processes::~child_processes() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake();
  thread_.join();
  for (auto& [pid, c] : children_) {
    pidfd_send_signal(c.pidfd, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ::close(c.pidfd);
  }
  ::close(wake_fd_);
}

int child_processes::start(const child_spec& spec, on_exit done) {
  start_request request{spec, std::move(done), {}};
  auto pid = request.pid.get_future();
  {
    std::lock_guard lock{mutex_};
    if (pending_) throw std::logic_error{"child_processes::start is for one caller at a time"};
    pending_ = &request;
  }
  wake();
  return pid.get();
}

bool child_processes::signal(int pid, int number) {
  std::lock_guard lock{mutex_};
  auto found = children_.find(pid);
  return found != children_.end() && pidfd_send_signal(found->second.pidfd, number) == 0;
}

void child_processes::signal_all(int number) {
  std::lock_guard lock{mutex_};
  for (auto& [pid, c] : children_) pidfd_send_signal(c.pidfd, number);
}

void child_processes::wake() {
  std::uint64_t one = 1;
  if (::write(wake_fd_, &one, sizeof one) < 0 && errno != EAGAIN) std::abort();
}

/// Children are started from this thread, because the kernel ties PR_SET_PDEATHSIG to the starting thread.
void child_processes::run() {
  name_this_thread("children");
  for (;;) {
    std::vector<pollfd> fds{{wake_fd_, POLLIN, 0}};
    std::vector<int> pids;
    start_request* request = nullptr;
    {
      std::lock_guard lock{mutex_};
      if (stopping_) return;
      request = std::exchange(pending_, nullptr);
      for (auto& [pid, c] : children_) {
        fds.push_back({c.pidfd, POLLIN, 0});
        pids.push_back(pid);
      }
    }
    if (request) {
      serve(*request);
      continue;
    }
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) std::abort();
    std::uint64_t count;
    if (fds[0].revents != 0 && ::read(wake_fd_, &count, sizeof count) < 0 && errno != EAGAIN) std::abort();
    for (std::size_t i = 0; i < pids.size(); ++i)
      if (fds[i + 1].revents != 0) reap(pids[i]);
  }
}

void child_processes::serve(start_request& request) {
  try {
    int pid = spawn(request.spec);
    int pidfd = pidfd_open(pid);
    if (pidfd < 0) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      throw_errno("pidfd_open");
    }
    ::fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    {
      std::lock_guard lock{mutex_};
      children_.emplace(pid, child{pidfd, std::move(request.done)});
    }
    request.pid.set_value(pid);
  } catch (...) {
    request.pid.set_exception(std::current_exception());
  }
}

void child_processes::reap(int pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return;
  child_exit how;
  if (WIFSIGNALED(status))
    how.signal = WTERMSIG(status);
  else
    how.code = WEXITSTATUS(status);
  on_exit done;
  {
    std::lock_guard lock{mutex_};
    auto node = children_.extract(pid);
    ::close(node.mapped().pidfd);
    done = std::move(node.mapped().done);
  }
  done(pid, how);
}

} // namespace reel
