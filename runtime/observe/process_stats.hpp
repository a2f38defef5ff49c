// process_stats.hpp: What the kernel knows of this process (proc(5)), for metrics. Some ten microseconds; any thread.
#pragma once

#include <cstdint>

namespace reel {

struct process_stats {
  double cpu_s = 0;                 ///< user and system time of all its threads so far
  double started_unix_s = 0;        ///< seconds since 1970
  std::uint64_t resident_bytes = 0; ///< shared pages too
  std::uint64_t threads = 0;
  std::uint64_t open_files = 0, open_files_max = 0; ///< descriptors, and how many it may have
};

/// Zero where the kernel says nothing.
process_stats read_process_stats();

/// One of them alone, for those who ask often.
std::uint64_t resident_bytes();

} // namespace reel
