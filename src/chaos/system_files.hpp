// system_files.hpp: Small steps that the drivers share: files of /proc and /sys, other programs, waiting for the
// kernel.
#pragma once

#include <chrono>
#include <string>
#include <thread>

namespace reel::chaos {

/// Empty when it cannot be read.
std::string read_file(const std::string& file);
/// Throws std::runtime_error that names the file and the reason.
void write_file(const std::string& file, const std::string& text);
/// The rest of the line that begins with `key`, without spaces at its ends; empty: no such line.
std::string line_after(const std::string& text, const std::string& key);

struct command_end {
  int code = 0; ///< of the shell
  std::string output;
};
/// Through the shell: arguments are our own words, never a user's.
command_end run_command(const std::string& command);
/// As run_command(); throws std::runtime_error with its output when it fails.
std::string must_run(const std::string& command);
bool has_program(const std::string& name);

/// Looks until it is so, `at_most` long.
template <class Condition> bool wait_until(Condition is, std::chrono::milliseconds at_most = std::chrono::seconds{10}) {
  for (auto give_up_at = std::chrono::steady_clock::now() + at_most; !is();
       std::this_thread::sleep_for(std::chrono::milliseconds{2}))
    if (std::chrono::steady_clock::now() > give_up_at) return false;
  return true;
}

} // namespace reel::chaos
