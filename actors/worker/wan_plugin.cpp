#include "actors/worker/wan_plugin.hpp"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <limits>

namespace reel {
namespace {

/// Never closed: LibTorch's threads and handlers do not survive an unload.
const wan_plugin* load() {
  // LibTorch brings OpenMPI's UCX along, which would take over SIGSEGV and hide our core dumps.
  ::setenv("UCX_HANDLE_ERRORS", "none", 0);
  // OpenMP's threads spin between two parallel loops; beside other busy processes a model of many small loops
  // then runs up to ten times slower than on one thread (measured). Passive waiting costs some microseconds a
  // loop.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libreel_wan.so";
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* entry = library ? ::dlsym(library, "reel_wan_plugin") : nullptr;
  if (!entry) throw render_error{errc::not_found, std::string{"the model plug-in cannot be opened: "} + ::dlerror()};
  return reinterpret_cast<wan_plugin_entry>(entry)();
}

} // namespace

double parity_report::error() const {
  if (lines.empty()) return std::numeric_limits<double>::infinity();
  return std::ranges::max(lines, {}, &parity_line::error).error;
}

const wan_plugin& open_wan_plugin() {
  static const wan_plugin* const plugin = load();
  return *plugin;
}

} // namespace reel
