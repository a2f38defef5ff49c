// Version 1: a hierarchy per kind, all groups at its top. Version 2: one hierarchy; a group beneath the top gets a
// memory controller only where the top hands it on.
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

#include "src/chaos/drivers.hpp"
#include "src/chaos/system_files.hpp"

namespace reel::chaos {

namespace {

const char* name_of(control_group::kind k) { return k == control_group::kind::freezer ? "freezer" : "memory"; }

struct hierarchy {
  std::string top; ///< empty: none
  bool v2 = false;
};

hierarchy find_hierarchy(control_group::kind k) {
  std::istringstream mounts{read_file("/proc/self/mounts")};
  hierarchy unified;
  for (std::string device, at, type, options, rest;
       mounts >> device >> at >> type >> options && std::getline(mounts, rest);) {
    if (type == "cgroup" && (',' + options + ',').find(std::string{","} + name_of(k) + ",") != std::string::npos)
      return {at, false};
    if (type == "cgroup2") unified = {at, true};
  }
  return unified;
}

} // namespace

obstacle control_group::cannot_run(kind k) {
  auto h = find_hierarchy(k);
  if (h.top.empty()) return std::string{"no control groups of kind "} + name_of(k) + " are mounted";
  if (::access(h.top.c_str(), W_OK) != 0) return h.top + " cannot be written: control groups need root";
  auto handed_on = ' ' + read_file(h.top + "/cgroup.subtree_control");
  if (h.v2 && k == kind::memory && handed_on.find(" memory") == std::string::npos)
    return h.top + "/cgroup.subtree_control does not hand on the memory controller";
  return {};
}

control_group::control_group(kind k, const std::string& name) : kind_{k} {
  if (auto why = cannot_run(k)) throw std::runtime_error{*why};
  auto h = find_hierarchy(k);
  v2_ = h.v2;
  top_ = h.top;
  folder_ = top_ + '/' + name;
  std::filesystem::create_directory(folder_);
}

control_group::~control_group() {
  try {
    if (kind_ == kind::freezer) thaw();
    wait_until([this] { // a child that was starting may come after the others
      std::istringstream pids{read_file(folder_ + "/cgroup.procs")};
      for (std::string pid; pids >> pid;) {
        try {
          write_file(top_ + "/cgroup.procs", pid);
        } catch (const std::exception&) { // it has ended
        }
      }
      return ::rmdir(folder_.c_str()) == 0;
    });
  } catch (const std::exception&) { // the group stays, empty and without a limit that bites
  }
}

driver_result control_group::add(int pid) {
  write_file(folder_ + "/cgroup.procs", std::to_string(pid));
  auto inside = '\n' + read_file(folder_ + "/cgroup.procs");
  bool is = inside.find('\n' + std::to_string(pid) + '\n') != std::string::npos;
  return {is, "process " + std::to_string(pid) + (is ? " is in " : " is not in ") + folder_, {}};
}

driver_result control_group::freeze() {
  write_file(folder_ + (v2_ ? "/cgroup.freeze" : "/freezer.state"), v2_ ? "1" : "FROZEN");
  bool is = wait_until([this] {
    return v2_ ? line_after(read_file(folder_ + "/cgroup.events"), "frozen") == "1"
               : read_file(folder_ + "/freezer.state").starts_with("FROZEN");
  });
  return {is, folder_ + (is ? " is frozen" : " does not freeze"), {}};
}

driver_result control_group::thaw() {
  write_file(folder_ + (v2_ ? "/cgroup.freeze" : "/freezer.state"), v2_ ? "0" : "THAWED");
  bool is = wait_until([this] {
    return v2_ ? line_after(read_file(folder_ + "/cgroup.events"), "frozen") == "0"
               : read_file(folder_ + "/freezer.state").starts_with("THAWED");
  });
  return {is, folder_ + (is ? " is thawed" : " does not thaw"), {}};
}

driver_result control_group::limit_memory(std::uint64_t bytes) {
  auto file = folder_ + (v2_ ? "/memory.max" : "/memory.limit_in_bytes");
  write_file(file, std::to_string(bytes));
  if (v2_) write_file(folder_ + "/memory.swap.max", "0");
  auto seen = read_file(file);
  bool is = !seen.empty() && std::stoull(seen) <= bytes;
  return {is, file + " is " + seen.substr(0, seen.find('\n')), {}};
}

std::uint64_t control_group::oom_kills() const {
  auto count = line_after(read_file(folder_ + (v2_ ? "/memory.events" : "/memory.oom_control")), "oom_kill ");
  return count.empty() ? 0 : std::stoull(count);
}

} // namespace reel::chaos
