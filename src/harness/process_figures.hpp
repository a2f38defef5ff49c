// process_figures.hpp: What the kernel knows of running processes (proc(5)).
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace reel::harness {

std::vector<int> children_of(int pid);

/// User and system time of the processes and their threads so far.
std::chrono::milliseconds cpu_time(const std::vector<int>& pids);

struct memory_figures {
  std::uint64_t rss_bytes = 0; ///< counts shared pages in every process
  std::uint64_t pss_bytes = 0; ///< each page divided among those who share it
};
memory_figures memory_of(const std::vector<int>& pids);

} // namespace reel::harness
