#include "src/reel-chaos/process_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "src/chaos/system_files.hpp"
#include "src/harness/process_figures.hpp"

namespace reel::chaos {

namespace {

namespace fs = std::filesystem;

int count_in(const fs::path& folder) {
  std::error_code gone;
  int count = 0;
  for (fs::directory_iterator at{folder, gone}, end; !gone && at != end; at.increment(gone)) ++count;
  return count;
}

process_sample sample_of_process(std::string role, int pid) {
  const auto folder = fmt::format("/proc/{}", pid);
  return {std::move(role), pid, rss_of(pid), count_in(folder + "/fd"), count_in(folder + "/task")};
}

const role_figures* find(const std::vector<role_figures>& all, const std::string& role) {
  const auto found = std::ranges::find(all, role, &role_figures::role);
  return found == all.end() ? nullptr : &*found;
}

constexpr double mib = 1024.0 * 1024.0;

} // namespace

std::uint64_t rss_of(int pid) {
  const auto kib = line_after(read_file(fmt::format("/proc/{}/status", pid)), "VmRSS:");
  return kib.empty() ? 0 : std::stoull(kib) * 1024;
}

cluster_sample sample_of(const harness::local_cluster& cluster) {
  cluster_sample all;
  for (const auto& node : cluster.nodes()) {
    if (!cluster.is_running(node)) continue;
    all.push_back(sample_of_process(node, cluster.pid_of(node)));
    for (int pid : cluster.worker_pids(node)) all.push_back(sample_of_process(node + " worker", pid));
  }
  return all;
}

std::vector<role_figures> by_role(const cluster_sample& s) {
  std::vector<role_figures> all;
  for (const auto& p : s) {
    auto found = std::ranges::find(all, p.role, &role_figures::role);
    if (found == all.end()) found = all.insert(all.end(), {p.role, 0, 0, 0, 0});
    ++found->processes;
    found->rss_bytes = std::max(found->rss_bytes, p.rss_bytes);
    found->descriptors = std::max(found->descriptors, p.descriptors);
    found->threads = std::max(found->threads, p.threads);
  }
  return all;
}

std::vector<std::string> leaks_in(const cluster_sample& idle, const cluster_sample& warm, const cluster_sample& after,
                                  const leak_margins& m) {
  std::vector<std::string> leaks;
  const auto before = by_role(idle), loaded = by_role(warm);
  for (const auto& now : by_role(after)) {
    const auto* then = find(before, now.role);
    if (!then) {
      leaks.push_back(fmt::format("{} was not there before", now.role));
      continue;
    }
    const auto* busy = find(loaded, now.role);
    const auto rss = busy ? std::max(then->rss_bytes, busy->rss_bytes) : then->rss_bytes;
    if (now.processes != then->processes)
      leaks.push_back(fmt::format("{}: {} processes, before {}", now.role, now.processes, then->processes));
    if (now.rss_bytes > rss + m.rss_bytes)
      leaks.push_back(fmt::format("{}: {:.1f} MiB of memory, before {:.1f}", now.role,
                                  static_cast<double>(now.rss_bytes) / mib, static_cast<double>(rss) / mib));
    if (now.descriptors > then->descriptors + m.descriptors)
      leaks.push_back(fmt::format("{}: {} descriptors, before {}", now.role, now.descriptors, then->descriptors));
    if (now.threads > then->threads + m.threads)
      leaks.push_back(fmt::format("{}: {} threads, before {}", now.role, now.threads, then->threads));
  }
  for (const auto& then : before)
    if (!find(by_role(after), then.role)) leaks.push_back(then.role + " is not there any more");
  return leaks;
}

} // namespace reel::chaos
