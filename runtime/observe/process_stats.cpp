#include "runtime/observe/process_stats.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace reel {

namespace {

/// The fields of stat(5) behind the program's name, which may itself hold spaces and brackets; the state is first.
std::vector<std::string> stat_fields() {
  std::ifstream in{"/proc/self/stat"};
  std::string text;
  std::getline(in, text);
  std::vector<std::string> fields;
  std::istringstream rest{text.substr(std::min(text.rfind(')'), text.size() - 1) + 1)};
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

/// Of the machine, in seconds since 1970.
double boot_time() {
  std::ifstream in{"/proc/stat"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  return 0;
}

std::uint64_t count_open_files() {
  std::error_code ignored; // of a process without /proc
  std::uint64_t count = 0;
  for (auto at = std::filesystem::directory_iterator{"/proc/self/fd", ignored}; at != decltype(at){}; ++at) ++count;
  return count;
}

} // namespace

std::uint64_t resident_bytes() {
  std::uint64_t all_pages = 0, pages = 0;
  std::ifstream{"/proc/self/statm"} >> all_pages >> pages;
  const auto page_bytes = ::sysconf(_SC_PAGE_SIZE);
  return page_bytes > 0 ? pages * static_cast<std::uint64_t>(page_bytes) : 0;
}

process_stats read_process_stats() {
  constexpr std::size_t user = 11, system = 12, threads = 17, start = 19; // of stat(5), from its third on
  process_stats s;
  const auto fields = stat_fields();
  if (fields.size() <= start) return s;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const double booted = boot_time();
  s.cpu_s = (std::stod(fields[user]) + std::stod(fields[system])) / ticks;
  s.started_unix_s = booted + std::stod(fields[start]) / ticks;
  s.resident_bytes = resident_bytes();
  s.threads = std::stoull(fields[threads]);
  s.open_files = count_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) s.open_files_max = limit.rlim_cur;
  return s;
}

} // namespace reel
