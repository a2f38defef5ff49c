// In a file of its own: beside code that allocates, the compiler inlines one half of a pair and warns about
// the other.
#include "tests/runtime/link/counting_new.hpp"

#include <cstdlib>
#include <new>

std::atomic<std::size_t> reel::test::large_allocations = 0;

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (bytes >= reel::test::large_bytes) ++reel::test::large_allocations;
  return std::malloc(bytes ? bytes : 1);
}
void* operator new(std::size_t bytes) {
  if (void* memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc{};
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes, std::nothrow); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
