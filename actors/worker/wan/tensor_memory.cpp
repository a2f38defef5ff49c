#include "actors/worker/wan/tensor_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <sys/mman.h>

#include "actors/worker/wan/process_memory.hpp"
#include "actors/worker/wan/tensor_memory_cuda.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

constexpr std::size_t alignment = 64;        // a cache line, and the widest vector
constexpr std::size_t kept_least = 64 << 10; // below, malloc is as quick
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t huge_least = 4 * huge_page; // at most a quarter is lost to rounding

std::size_t rounded(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

/// Stands before each block.
struct alignas(alignment) block_header {
  std::size_t size = 0; ///< with the header
};

class cpu_memory final : public tensor_memory, public c10::Allocator {
  template <class F> auto locked(F work) const {
    std::lock_guard lock{mutex_};
    return work();
  }

public:
  cpu_memory() { c10::SetAllocator(c10::kCPU, this, /*priority=*/100); }

  // Const before LibTorch 2.3, not const since: one of the two is the base's.
  c10::DataPtr allocate(std::size_t n) const { return const_cast<cpu_memory*>(this)->make(n); }
  c10::DataPtr allocate(std::size_t n) { return make(n); }
  void copy_data(void* to, const void* from, std::size_t n) const { std::memcpy(to, from, n); } // since 2.3
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }

  std::uint64_t used_bytes() const override {
    return locked([this] { return used_; });
  }
  std::uint64_t peak_bytes() const override {
    return locked([this] { return peak_; });
  }
  void restart_peak() override {
    locked([this] { peak_ = used_; });
  }
  void limit(std::uint64_t bytes) override {
    locked([this, bytes] { limit_ = bytes; });
  }
  void release() override {
    locked([this] { give_back(); });
  }
  std::uint64_t capacity_bytes() const override {
    auto limit = locked([this] { return limit_; });
    return limit > 0 ? limit : machine_memory_bytes();
  }
  std::string device_name() const override { return "cpu"; }

private:
  c10::DataPtr make(std::size_t n);
  static void free_block(void* data);
  void* take_kept(std::size_t size);
  void* take_fresh(std::size_t size);
  void give_back();

  mutable std::mutex mutex_; ///< guards what follows
  std::uint64_t used_ = 0, peak_ = 0, kept_bytes_ = 0, limit_ = 0;
  std::multimap<std::size_t, void*> kept_; ///< by size
};

/// Never destroyed: tensors with static lifetime end after everything else.
cpu_memory& the_cpu_memory() {
  static auto* one = new cpu_memory;
  return *one;
}

c10::DataPtr cpu_memory::make(std::size_t n) {
  if (n == 0) return {nullptr, nullptr, &free_block, c10::kCPU};
  std::lock_guard lock{mutex_};
  if (n > std::numeric_limits<std::size_t>::max() / 2) n = std::numeric_limits<std::size_t>::max() / 2; // refused below
  auto size = rounded(n + sizeof(block_header), n >= huge_least ? huge_page : alignment);
  auto* block = take_kept(size);
  if (!block) block = take_fresh(size);
  if (!block)
    C10_THROW_ERROR(OutOfMemoryError, "cpu: " + std::to_string(n) + " bytes wanted, " + std::to_string(used_) +
                                          " in use" +
                                          (limit_ > 0 ? ", " + std::to_string(limit_) + " allowed" : std::string{}));
  used_ += static_cast<block_header*>(block)->size;
  peak_ = std::max(peak_, used_);
  auto* data = static_cast<char*>(block) + sizeof(block_header);
  return {data, data, &free_block, c10::kCPU};
}

/// One that is at most an eighth too large.
void* cpu_memory::take_kept(std::size_t size) {
  auto found = kept_.lower_bound(size);
  if (found == kept_.end() || found->first - size > size / 8) return nullptr;
  if (limit_ > 0 && used_ + found->first > limit_) return nullptr;
  auto* block = found->second;
  kept_bytes_ -= found->first;
  kept_.erase(found);
  return block;
}

void* cpu_memory::take_fresh(std::size_t size) {
  if (limit_ > 0 && used_ + kept_bytes_ + size > limit_) give_back();
  if (limit_ > 0 && used_ + size > limit_) return nullptr;
  auto is_huge = size >= huge_least;
  auto* block = std::aligned_alloc(is_huge ? huge_page : alignment, size);
  if (!block && kept_bytes_ > 0) {
    give_back();
    block = std::aligned_alloc(is_huge ? huge_page : alignment, size);
  }
  if (!block) return nullptr;
  if (is_huge) ::madvise(block, size, MADV_HUGEPAGE);
  return new (block) block_header{size};
}

void cpu_memory::free_block(void* data) {
  if (!data) return;
  auto* block = reinterpret_cast<block_header*>(static_cast<char*>(data) - sizeof(block_header));
  auto& memory = the_cpu_memory();
  std::lock_guard lock{memory.mutex_};
  memory.used_ -= block->size;
  if (block->size < kept_least) return std::free(block);
  memory.kept_bytes_ += block->size;
  memory.kept_.emplace(block->size, block);
}

void cpu_memory::give_back() {
  for (auto& [size, block] : kept_) std::free(block);
  kept_.clear();
  kept_bytes_ = 0;
}

} // namespace

tensor_memory& memory_of(c10::Device device) {
  if (device.is_cpu()) return the_cpu_memory();
  return cuda_memory_of(device.index());
}

} // namespace reel::wan
