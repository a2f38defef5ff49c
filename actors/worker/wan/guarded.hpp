// guarded.hpp: What leaves the model is a render_error: LibTorch's and libav's exceptions become one here.
// Out of memory leaves the model usable; everything else that nobody foresaw is `internal` and ends the
// process.
#pragma once

#include <new>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

/// Runs `work` in a compute_scope.
template <class F> auto guarded(F work) {
  try {
    compute_scope scope;
    return work();
  } catch (const render_error&) {
    throw;
  } catch (const c10::Error& e) {
    throw render_error{is_out_of_memory(e) ? errc::out_of_memory : errc::internal, e.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    throw render_error{errc::out_of_memory, "the host has too little memory"};
  } catch (const std::exception& e) {
    throw render_error{errc::internal, e.what()};
  }
}

} // namespace reel::wan
