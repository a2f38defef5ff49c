#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/resource.h>

#include "src/chaos/drivers.hpp"
#include "src/chaos/system_files.hpp"

namespace reel::chaos {

namespace {

std::string folder_of(int pid) { return "/proc/" + std::to_string(pid); }

/// 'R', 'S', 'T', 'Z', ...; 0: there is no such process. The name before it may hold anything.
char state_of(int pid) {
  auto stat = read_file(folder_of(pid) + "/stat");
  auto name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() ? '\0' : stat[name_end + 2];
}

driver_result failed(const std::string& doing, int pid) {
  return {false, doing + " " + std::to_string(pid) + ": " + std::strerror(errno), {}};
}

template <class Condition> driver_result send(int pid, int number, const char* what, Condition is) {
  if (::kill(pid, number) != 0) return failed("signal to", pid);
  bool seen = wait_until([&] { return is(state_of(pid)); });
  return {seen, "process " + std::to_string(pid) + (seen ? " " : " not ") + what, {}};
}

driver_result limit(int pid, __rlimit_resource what, std::uint64_t to, const char* line) {
  rlimit present{};
  if (::prlimit(pid, what, nullptr, &present) != 0) return failed("limits of", pid);
  rlimit wanted{std::min<rlim_t>(to, present.rlim_max), present.rlim_max};
  if (::prlimit(pid, what, &wanted, nullptr) != 0) return failed("limits of", pid);
  auto seen = line_after(read_file(folder_of(pid) + "/limits"), line);
  auto soft = seen.substr(0, seen.find(' '));
  bool is = soft == (wanted.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(wanted.rlim_cur));
  return {is, "process " + std::to_string(pid) + ": " + line + " " + soft, {}};
}

} // namespace

driver_result kill_process(int pid) {
  return send(pid, SIGKILL, "gone", [](char state) { return state == '\0' || state == 'Z' || state == 'X'; });
}
driver_result stop_process(int pid) {
  return send(pid, SIGSTOP, "stopped", [](char state) { return state == 'T'; });
}
driver_result continue_process(int pid) {
  return send(pid, SIGCONT, "running", [](char state) { return state != '\0' && state != 'T' && state != 'Z'; });
}

driver_result limit_file_size(int pid, std::uint64_t bytes) { return limit(pid, RLIMIT_FSIZE, bytes, "Max file size"); }
driver_result limit_open_files(int pid, std::uint64_t files) {
  return limit(pid, RLIMIT_NOFILE, files, "Max open files");
}

driver_result lift_limits(int pid) {
  auto size = limit(pid, RLIMIT_FSIZE, RLIM_INFINITY, "Max file size");
  auto files = limit(pid, RLIMIT_NOFILE, RLIM_INFINITY, "Max open files");
  return {size.took_effect && files.took_effect, size.proof + "; " + files.proof, {}};
}

} // namespace reel::chaos
