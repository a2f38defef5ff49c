// process_watch.hpp: What the processes of a cluster hold: memory, descriptors, threads, children. Looked at before the
// load, before the faults and after the drain: what has grown for good by then is a leak. Also while a run goes on,
// for how much memory the control node has at most.
//
// Values, read from /proc on the caller's thread.
#pragma once

#include <string>
#include <vector>

#include "src/harness/local_cluster.hpp"

namespace reel::chaos {

struct process_sample {
  std::string role; ///< a node's name, or "workers-1 worker"
  int pid = 0;
  std::uint64_t rss_bytes = 0;
  int descriptors = 0, threads = 0;
};
using cluster_sample = std::vector<process_sample>;

cluster_sample sample_of(const harness::local_cluster& cluster);
std::uint64_t rss_of(int pid); ///< 0: there is no such process

/// What one role held: of workers, the one with the most.
struct role_figures {
  std::string role;
  int processes = 0;
  std::uint64_t rss_bytes = 0;
  int descriptors = 0, threads = 0;
};
std::vector<role_figures> by_role(const cluster_sample& s);

/// How much more may be held after a drain without being a leak, and why.
struct leak_margins {
  /// The allocator keeps what was needed at the peak, a few MiB for each thread that handled requests; SQLite's caches
  /// fill up to 5 MiB, what is read of the log's file is counted too.
  std::uint64_t rss_bytes = 24u << 20;
  /// A file that is just being read or synced, and a connection of whoever looks.
  int descriptors = 6;
  /// Threads of pools that start on demand: one for objects, one for the audit log.
  int threads = 4;
};

/// What grew, for people; empty: nothing. `idle` is before the load, `warm` before the faults, `after` when all is
/// done: memory is compared with the larger of the two, descriptors and threads, which the load itself holds, with
/// idle.
std::vector<std::string> leaks_in(const cluster_sample& idle, const cluster_sample& warm, const cluster_sample& after,
                                  const leak_margins& m = {});

} // namespace reel::chaos
