#include "src/chaos/system_files.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace reel::chaos {

std::string read_file(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Not by a stream: what the kernel says to a write in /sys is its errno.
void write_file(const std::string& file, const std::string& text) {
  int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  auto written = fd < 0 ? -1 : ::write(fd, text.data(), text.size());
  int code = errno;
  if (fd >= 0) ::close(fd);
  if (written != static_cast<ssize_t>(text.size()))
    throw std::system_error{code, std::generic_category(), file + ": cannot write " + text};
}

std::string line_after(const std::string& text, const std::string& key) {
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    auto begin = line.find_first_not_of(" \t", key.size());
    return begin == std::string::npos ? "" : line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
  }
  return {};
}

command_end run_command(const std::string& command) {
  auto* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (!pipe) throw std::system_error{errno, std::generic_category(), command};
  command_end end;
  char buffer[4096];
  while (auto got = std::fread(buffer, 1, sizeof buffer, pipe)) end.output.append(buffer, got);
  auto status = ::pclose(pipe);
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return end;
}

std::string must_run(const std::string& command) {
  auto end = run_command(command);
  if (end.code != 0) throw std::runtime_error{command + ": " + end.output};
  return end.output;
}

bool has_program(const std::string& name) {
  return run_command("PATH=$PATH:/usr/sbin:/sbin command -v " + name).code == 0;
}

} // namespace reel::chaos
