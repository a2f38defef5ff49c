// clock.hpp: Wall-clock time as an argument. Shells get a wall_clock and hand its value to their logic; tests
// give them one they move themselves.
#pragma once

#include <functional>

#include "messages/ids.hpp"

namespace reel {

using wall_clock = std::function<wall_time()>;

inline wall_time system_wall_time() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

} // namespace reel
