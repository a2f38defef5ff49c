// torch_compat.hpp: LibTorch as this folder uses it, and the one place that knows its versions: 1.13.1
// (Debian 12, CPU) to 2.x (official builds, CUDA). Include only in .cpp files: it costs eight seconds of
// compilation.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
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

/// While a model is trained gradients flow through its modules: what has none (the CPU's kernels, writing over what the
/// way back needs) has a plain alternative then. Never inside a compute_scope.
inline bool is_trained(const at::Tensor& a) { return a.requires_grad(); }
inline bool is_trained(const at::Tensor& a, const at::Tensor& b) { return is_trained(a) || is_trained(b); }

/// x += y, in place where that may be.
inline void add_to(at::Tensor& x, const at::Tensor& y) {
  if (is_trained(x, y))
    x = x.add(y);
  else
    x.add_(y);
}

/// Does `work` beside what the device computes, on a stream of its own where the device has streams, and waits for it
/// there. For another thread than the computing one.
template <class F> auto on_side_stream(at::Device device, F work) {
  if (device.is_cpu()) return work();
  c10::impl::VirtualGuardImpl of_device{device.type()};
  c10::StreamGuard guard{of_device.getStreamFromGlobalPool(device)};
  auto result = work();
  guard.current_stream().synchronize();
  return result;
}

/// What a side stream made is used by this thread's stream from now on: its memory stays until that is through.
inline void take_from_side_stream(const at::Tensor& t) {
  if (!t.defined() || t.is_cpu()) return;
  t.record_stream(c10::impl::VirtualGuardImpl{t.device().type()}.getStream(t.device()));
}

} // namespace reel::wan
