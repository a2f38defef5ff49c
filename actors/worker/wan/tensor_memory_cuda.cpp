#include "actors/worker/wan/tensor_memory_cuda.hpp"

#include <stdexcept>

#if defined(REEL_WITH_CUDA)

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <map>
#include <memory>
#include <mutex>

namespace reel::wan {
namespace {

namespace caching = c10::cuda::CUDACachingAllocator;

class cuda_memory final : public tensor_memory {
public:
  explicit cuda_memory(c10::DeviceIndex index) : index_{index} {}

  std::uint64_t used_bytes() const override { return static_cast<std::uint64_t>(allocated().current); }
  std::uint64_t peak_bytes() const override { return static_cast<std::uint64_t>(allocated().peak); }
  void restart_peak() override { caching::resetPeakStats(index_); }
  void limit(std::uint64_t bytes) override {
    limit_ = bytes;
    auto share = bytes == 0 ? 1.0 : static_cast<double>(bytes) / static_cast<double>(total());
    caching::setMemoryFraction(share < 1 ? share : 1, index_);
  }
  void release() override { caching::emptyCache(); }
  std::uint64_t capacity_bytes() const override { return limit_ > 0 ? limit_ : total(); }
  std::string device_name() const override { return at::cuda::getDeviceProperties(index_)->name; }

private:
  std::uint64_t total() const { return at::cuda::getDeviceProperties(index_)->totalGlobalMem; }

  /// Of all pools together, which stand first.
  auto allocated() const { return caching::getDeviceStats(index_).allocated_bytes[0]; }

  c10::DeviceIndex index_;
  std::uint64_t limit_ = 0;
};

} // namespace

tensor_memory& cuda_memory_of(c10::DeviceIndex index) {
  static std::mutex mutex;
  static std::map<int, std::unique_ptr<cuda_memory>> all;
  if (index < 0) index = static_cast<c10::DeviceIndex>(c10::cuda::current_device());
  std::lock_guard lock{mutex};
  auto& one = all[index];
  if (!one) one = std::make_unique<cuda_memory>(index);
  return *one;
}

} // namespace reel::wan

#else

namespace reel::wan {

tensor_memory& cuda_memory_of(c10::DeviceIndex) { throw std::logic_error{"built without CUDA"}; }

} // namespace reel::wan

#endif
