// counting_new.hpp: Counts large allocations of C++ code in this test program; libzmq takes its buffers from
// malloc.
#pragma once

#include <atomic>
#include <cstddef>

namespace reel::test {

inline constexpr std::size_t large_bytes = 1u << 20;
extern std::atomic<std::size_t> large_allocations;

} // namespace reel::test
