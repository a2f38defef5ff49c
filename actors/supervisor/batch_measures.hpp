// batch_measures.hpp: What an ended batch taught the scheduler about models, devices and workers.
#pragma once

#include "actors/supervisor/recovery_policy.hpp"

namespace reel {

/// Of a model whose two experts take turns on the device.
struct expert_measures {
  expert_use use;
  std::chrono::milliseconds fetch{0};     ///< batch_finished::fetch_ms
  std::chrono::milliseconds hand_over{0}; ///< and hand_over_ms
};

struct batch_measures {
  std::uint64_t peak_bytes = 0; ///< 0: not measured
  bool out_of_memory = false;   ///< the batch as a whole
  /// Likewise: it did not run to its end, nor was it paused, nor did it only stand by. Its worker is avoided for a
  /// while.
  bool failed = false;
  std::uint32_t together = 0;           ///< of how many jobs the memory was, where batches joined; 0: of its own
  health_sign sign = health_sign::none; ///< what it says about its model
  expert_measures experts{};
  bool runs_lost = false;                          ///< saved runs could not be stored, or not be used
  std::optional<std::chrono::milliseconds> used{}; ///< its part of its worker's time, where batches joined
};

} // namespace reel
