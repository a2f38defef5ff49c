// shim_page.hpp: What chaos::shim and the preloaded library share: orders one way, counts the other. A file's first
// page, mapped by both; only plain atomics, because programs of any kind read it.
#pragma once

#include <atomic>
#include <cstdint>

namespace reel::chaos {

struct shim_page {
  std::atomic<std::int64_t> clock_shift_ns;
  std::atomic<std::int64_t> clock_drift_ppb; ///< parts per billion of the monotonic time since:
  std::atomic<std::int64_t> drift_since_ns;  ///< a monotonic time
  std::atomic<std::int32_t> sync_errno;      ///< 0: syncs succeed
  std::atomic<std::int32_t> sync_delay_ms;   ///< 0: at once
  std::atomic<std::uint64_t> processes;      ///< that have loaded the library
  std::atomic<std::uint64_t> clock_moved;    ///< readings that were changed
  std::atomic<std::uint64_t> syncs_failed;
  std::atomic<std::uint64_t> syncs_delayed;
  char sync_path[256]; ///< part of the path of files whose syncs are concerned; set while neither of them is on
};

inline constexpr const char* shim_variable = "REEL_SHIM"; ///< environment: the page's file

} // namespace reel::chaos
