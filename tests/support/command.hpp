// command.hpp: A program as a person starts it in a shell: what it prints and how it ends. One thread.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/wait.h>

namespace reel::testing {

struct ended {
  int code = 0;
  std::string text;
};

/// Standard output; with "2>&1" in the command the errors too.
inline ended run(const std::string& command) {
  auto* pipe = ::popen(command.c_str(), "r");
  ended e;
  char buffer[4096];
  while (auto got = std::fread(buffer, 1, sizeof buffer, pipe)) e.text.append(buffer, got);
  e.code = WEXITSTATUS(::pclose(pipe));
  return e;
}

inline std::string text_of(const std::filesystem::path& file) {
  std::stringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

} // namespace reel::testing
