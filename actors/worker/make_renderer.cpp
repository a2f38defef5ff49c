#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>

#include "actors/worker/null_renderer.hpp"
#include "actors/worker/renderer.hpp"

namespace reel {
namespace {

/// Opened here and never closed: LibTorch's threads and handlers do not survive an unload. A process without
/// the model neither maps LibTorch and libav (150 MB, half a second) nor needs them installed.
renderer_factory open_wan_plugin() {
  // LibTorch brings OpenMPI's UCX along, which would take over SIGSEGV and hide our core dumps.
  ::setenv("UCX_HANDLE_ERRORS", "none", 0);
  // OpenMP's threads spin between two parallel loops; beside other busy processes a model of many small loops
  // then runs up to ten times slower than on one thread (measured). Passive waiting costs some microseconds a
  // loop.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libreel_wan.so";
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* factory = library ? ::dlsym(library, "reel_make_wan_renderer") : nullptr;
  if (!factory) throw render_error{errc::not_found, std::string{"the model plug-in cannot be opened: "} + ::dlerror()};
  return reinterpret_cast<renderer_factory>(factory);
}

} // namespace

std::unique_ptr<renderer> make_renderer(const renderer_options& options) {
  if (options.kind == "null") return std::make_unique<null_renderer>(options);
  if (options.kind == "wan") return std::unique_ptr<renderer>{open_wan_plugin()(options)};
  throw render_error{errc::unsupported, "model " + options.model.value + ": kind \"" + options.kind +
                                            "\"; allowed are \"wan\" and \"null\""};
}

} // namespace reel
