#include "src/reelctl/question.hpp"

#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

#include "src/reelctl/commands.hpp"

namespace reel::ctl {

bool person_is_there() { return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0; }

std::optional<std::string> ask_person(const std::string& question) {
  fmt::print("{}", question);
  std::fflush(stdout);
  std::string line;
  if (!std::getline(std::cin, line)) {
    std::cin.clear();
    return {};
  }
  return line;
}

std::optional<int> declined(const std::string& what, bool yes) {
  if (yes) return {};
  if (!person_is_there()) {
    std::cerr << "reelctl: " << what << " cannot be taken back: give --yes\n";
    return exit_usage;
  }
  const auto answer = ask_person(fmt::format("{}: are you sure? [y/N] ", what));
  if (answer && (*answer == "y" || *answer == "yes")) return {};
  fmt::print("nothing was done\n");
  return exit_failed;
}

} // namespace reel::ctl
