#include "src/reel-worker/tokenize.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reel::worker_cli {
namespace {

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error{"reelctl tokenize: " + why}; }

/// A file in memory: unlike two pipes, it needs nobody who reads while it is written.
class memory_file {
public:
  explicit memory_file(const char* name) : fd_{::memfd_create(name, MFD_CLOEXEC)} {
    if (fd_ < 0) fail(std::strerror(errno));
  }
  ~memory_file() { ::close(fd_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;

  int fd() const { return fd_; }

  void write(std::string_view text) {
    while (!text.empty()) {
      auto n = ::write(fd_, text.data(), text.size());
      if (n < 0) fail(std::strerror(errno));
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    ::lseek(fd_, 0, SEEK_SET);
  }

  std::string read() {
    std::string out;
    char buffer[1 << 16];
    ::lseek(fd_, 0, SEEK_SET);
    for (auto n = ::read(fd_, buffer, sizeof buffer); n > 0; n = ::read(fd_, buffer, sizeof buffer))
      out.append(buffer, static_cast<std::size_t>(n));
    return out;
  }

private:
  int fd_;
};

/// Runs the program to its end. Standard error is ours.
int run(const std::vector<std::string>& command, const memory_file& in, const memory_file& out) {
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  pid_t child = 0;
  int bad = ::posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (bad) fail(command[0] + ": " + std::strerror(bad) + "; it makes token ids of prompts");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail(std::strerror(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

std::vector<prompt_line> with_tokens(std::vector<prompt_line> lines, const std::string& model_folder) {
  if (std::ranges::all_of(lines, has_tokens)) return lines;
  auto reelctl = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "reelctl";
  memory_file in{"prompts"}, out{"tokens"};
  in.write(to_json_lines(lines));
  if (int code = run({reelctl.string(), "tokenize", "--model", model_folder, "-"}, in, out); code != 0)
    fail("ended with exit code " + std::to_string(code));
  std::istringstream text{out.read()};
  auto tokenized = read_prompt_lines(text, "reelctl tokenize");
  if (tokenized.size() != lines.size()) fail("gave " + std::to_string(tokenized.size()) + " lines");
  for (std::size_t i = 0; i < lines.size(); ++i) lines[i].fields = std::move(tokenized[i].fields);
  return lines;
}

} // namespace reel::worker_cli
