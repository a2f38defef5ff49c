// tensor_memory_test.cpp: What tensors take is counted to the byte, bounded on demand, and used again; and a refusal
// leaves nothing behind.
#include "tests/worker/wan/golden.hpp" // first: see there

#include <thread>

#include "actors/worker/wan/tensor_memory.hpp"

using namespace reel::wan;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t slack = 64 << 10; // headers and rounding of a few tensors

at::Tensor tensor_of(std::uint64_t bytes) {
  return at::empty({static_cast<std::int64_t>(bytes / sizeof(float))}, at::kFloat);
}

/// Whatever a test does, the next begins without a limit.
struct memory_scope {
  tensor_memory& memory = memory_of(at::kCPU);
  std::uint64_t before = memory.used_bytes();
  ~memory_scope() { memory.limit(0); }
  std::uint64_t used() const { return memory.used_bytes() - before; }
};

} // namespace

TEST_CASE("tensors are counted while they live, and the peak is kept until it is restarted") {
  memory_scope s;
  s.memory.restart_peak();
  {
    auto a = tensor_of(3 * mib);
    { auto b = tensor_of(4 * mib); }
    CHECK(s.used() >= 3 * mib);
    CHECK(s.used() < 3 * mib + slack);
  }
  CHECK(s.used() == 0);
  auto peak = s.memory.peak_bytes() - s.before;
  CHECK(peak >= 7 * mib);
  CHECK(peak < 7 * mib + slack);
  s.memory.restart_peak();
  CHECK(s.memory.peak_bytes() == s.before);
}

TEST_CASE("memory that a tensor leaves serves the next of its size") {
  memory_scope s;
  void* first = nullptr;
  {
    auto a = tensor_of(mib);
    first = a.data_ptr();
  }
  CHECK(tensor_of(mib).data_ptr() == first);
  CHECK(tensor_of(mib - 1000).data_ptr() == first);
  s.memory.release();
  auto large = tensor_of(20 * mib);
  auto* data = large.data_ptr<float>();
  data[large.numel() - 1] = 1; // whole pages, all of them there
  CHECK(reinterpret_cast<std::uintptr_t>(data) % 64 == 0);
}

TEST_CASE("beyond a limit there is no memory, and what was refused leaves nothing behind") {
  memory_scope s;
  s.memory.limit(s.before + 10 * mib);
  CHECK(s.memory.capacity_bytes() == s.before + 10 * mib);
  auto a = tensor_of(6 * mib);
  CHECK_THROWS_AS(tensor_of(6 * mib), c10::OutOfMemoryError);
  CHECK(s.used() < 6 * mib + slack);
  a = at::Tensor{};
  CHECK(s.used() == 0);
  CHECK(tensor_of(9 * mib).numel() > 0); // what was kept of `a` is given back for it
  s.memory.limit(0);
  CHECK(tensor_of(20 * mib).numel() > 0);
}

TEST_CASE("a size that no machine has is refused like any other") {
  memory_scope s;
  CHECK_THROWS_AS(tensor_of(std::uint64_t{1} << 60), c10::OutOfMemoryError);
  CHECK(s.used() == 0);
}

TEST_CASE("many threads allocate and free at once, and the count ends where it began") {
  memory_scope s;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) {
        auto a = tensor_of((1 + i % 7) * 100'000), b = tensor_of(1000);
        a.fill_(1);
      }
    });
  for (auto& t : threads) t.join();
  CHECK(s.used() == 0);
}
