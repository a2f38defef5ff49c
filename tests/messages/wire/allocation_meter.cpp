#include "tests/messages/wire/allocation_meter.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t requested_bytes = 0;
}

void* operator new(std::size_t size) {
  requested_bytes += size;
  if (void* p = std::malloc(size > 0 ? size : 1)) return p;
  throw std::bad_alloc{};
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace reel::wire::testing {

allocation_meter::allocation_meter() : before_{requested_bytes} {}
std::size_t allocation_meter::bytes() const { return requested_bytes - before_; }

} // namespace reel::wire::testing
