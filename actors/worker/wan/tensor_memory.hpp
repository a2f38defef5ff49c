// tensor_memory.hpp: What tensors take of a device: counted, bounded and reused.
//
// On the CPU this is an allocator of our own in LibTorch's place (c10::SetAllocator), installed with the first use and
// never taken out. Memory that a tensor leaves is kept for the next of its size, because a fresh megabyte costs more in
// page faults than the arithmetic on it, and a denoise step asks for the same sizes again and again. What is kept is
// given back before anything is refused, and by release(). On a CUDA device LibTorch's own caching allocator does all
// of that and is asked for its figures.
//
// Weights that are views of mapped files are no tensors' memory and are not counted.
//
// Exceeding the limit, the device or the machine throws c10::OutOfMemoryError, which guarded() makes
// render_error(out_of_memory). Any thread.
#pragma once

#include <c10/core/Device.h>
#include <cstdint>
#include <string>

namespace reel::wan {

class tensor_memory {
public:
  virtual ~tensor_memory() = default;

  virtual std::uint64_t used_bytes() const = 0; ///< by tensors that live
  virtual std::uint64_t peak_bytes() const = 0; ///< highest use since restart_peak()
  virtual void restart_peak() = 0;

  /// Tensors may have so much at once; 0: whatever there is.
  virtual void limit(std::uint64_t bytes) = 0;

  /// Gives back to the system what no tensor uses.
  virtual void release() = 0;

  /// That tensors could have: the limit, or what the device or the machine has; 0: unknown.
  virtual std::uint64_t capacity_bytes() const = 0;

  virtual std::string device_name() const = 0; ///< "cpu", "NVIDIA H100 80GB HBM3"
};

/// One per device, for the whole process.
tensor_memory& memory_of(c10::Device device);

} // namespace reel::wan
