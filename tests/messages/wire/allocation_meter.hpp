// allocation_meter.hpp: Counts the bytes that this thread asks operator new for while a meter lives. The test
// program replaces the global operator new for it (allocation_meter.cpp), so it counts std::string,
// std::vector and kj alike.
#pragma once

#include <cstddef>

namespace reel::wire::testing {

class allocation_meter {
public:
  allocation_meter();
  allocation_meter(const allocation_meter&) = delete;
  allocation_meter& operator=(const allocation_meter&) = delete;

  std::size_t bytes() const; ///< since the meter was made; freeing does not lower it

private:
  std::size_t before_;
};

} // namespace reel::wire::testing
