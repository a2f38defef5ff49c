// process_memory.hpp: What this process takes of the machine, as Linux counts it. For a model on the CPU the
// process is the device.
#pragma once

#include <cstdint>

namespace reel::wan {

/// Physical memory of the machine, or of this process's control group where that is smaller; 0: unknown.
std::uint64_t machine_memory_bytes();

/// Highest resident size since the last call; 0: unknown.
std::uint64_t take_peak_resident_bytes();

} // namespace reel::wan
