// torch_compat.hpp: LibTorch as this folder uses it, and the one place that knows its versions: 1.13.1
// (Debian 12, CPU) to 2.x (official builds, CUDA). Include only in .cpp files: it costs eight seconds of
// compilation.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <string_view>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "LibTorch 1.13 or newer is needed"
#endif

namespace reel::wan {

/// The CUDA allocator has an exception type in every version; the CPU allocator's failure has none in any:
/// the allocator's name in the message is the only sign.
inline bool is_out_of_memory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) ||
         std::string_view{error.what_without_backtrace()}.find("DefaultCPUAllocator") != std::string_view::npos;
}

/// Open while this thread computes: no autograd state, and the thread count that the process was given.
/// OpenMP keeps that count per thread, so a thread that did not set it would compute with another one.
class compute_scope {
public:
  compute_scope() { at::init_num_threads(); }

private:
  c10::InferenceMode no_autograd_;
};

} // namespace reel::wan
