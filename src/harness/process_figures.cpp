#include "src/harness/process_figures.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

namespace reel::harness {

namespace {

std::string read(int pid, const char* file) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/" + file};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The fields of stat(5) behind the program's name, which may itself hold spaces and brackets; the state is first.
std::vector<std::string> stat_fields(int pid) {
  auto text = read(pid, "stat");
  auto end = text.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream in{text.substr(end + 1)};
  for (std::string field; in >> field;) fields.push_back(field);
  return fields;
}

} // namespace

std::vector<int> children_of(int pid) {
  std::vector<int> children;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    int other = std::atoi(entry.path().filename().c_str());
    if (other <= 0) continue;
    auto fields = stat_fields(other);
    if (fields.size() > 1 && fields[0] != "Z" && std::stoi(fields[1]) == pid) children.push_back(other);
  }
  return children;
}

std::chrono::milliseconds cpu_time(const std::vector<int>& pids) {
  constexpr std::size_t user = 11, system = 12; // 14th and 15th of stat(5)
  std::int64_t ticks = 0;
  for (int pid : pids)
    if (auto fields = stat_fields(pid); fields.size() > system)
      ticks += std::stoll(fields[user]) + std::stoll(fields[system]);
  return std::chrono::milliseconds{ticks * 1000 / ::sysconf(_SC_CLK_TCK)};
}

memory_figures memory_of(const std::vector<int>& pids) {
  memory_figures all;
  for (int pid : pids) {
    std::istringstream in{read(pid, "smaps_rollup")};
    for (std::string line; std::getline(in, line);) {
      std::istringstream words{line};
      std::string name;
      std::uint64_t kib = 0;
      words >> name >> kib;
      if (name == "Rss:") all.rss_bytes += kib << 10;
      if (name == "Pss:") all.pss_bytes += kib << 10;
    }
  }
  return all;
}

} // namespace reel::harness
