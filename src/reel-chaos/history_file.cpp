#include "src/reel-chaos/history_file.hpp"

#include <chrono>
#include <stdexcept>

namespace reel::chaos {

namespace json = boost::json;

std::int64_t monotonic_ns() {
  return std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}.count();
}

std::string name_of_monotonic_clock() {
  std::string boot;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> boot;
  return "boot-" + boot;
}

history_file::history_file(const std::string& file, const std::string& observer)
    : file_{file}, out_{file, std::ios::trunc} {
  put({{"op", "history"}, {"format", 1}, {"observer", observer}, {"clock", name_of_monotonic_clock()}});
}

std::int64_t history_file::write(json::object line) {
  std::lock_guard lock{mutex_};
  const auto now = monotonic_ns();
  line["mono_ns"] = now;
  put(line);
  return now;
}

void history_file::close() {
  std::lock_guard lock{mutex_};
  put({{"op", "close"}, {"lines", lines_ + 1}});
  out_.close();
  if (!out_) throw std::runtime_error{file_ + ": cannot be written"};
}

/// To the file at once: a process that is killed leaves what it saw.
void history_file::put(const json::object& line) {
  out_ << json::serialize(line) << '\n' << std::flush;
  ++lines_;
}

} // namespace reel::chaos
