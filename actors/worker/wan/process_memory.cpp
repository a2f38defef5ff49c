#include "actors/worker/wan/process_memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <unistd.h>

namespace reel::wan {

std::uint64_t machine_memory_bytes() {
  auto pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGE_SIZE);
  auto bytes =
      pages > 0 && page_bytes > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes) : 0;
  std::ifstream limit{"/sys/fs/cgroup/memory.max"}; // "max" where there is none, which reads as no number
  if (std::uint64_t group = 0; limit >> group && bytes > 0) bytes = std::min(bytes, group);
  return bytes;
}

std::uint64_t take_peak_resident_bytes() {
  std::uint64_t peak_kib = 0;
  std::ifstream status{"/proc/self/status"};
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      status >> peak_kib;
      break;
    }
  std::ofstream{"/proc/self/clear_refs"} << "5"; // resets the high-water mark (proc(5))
  return peak_kib << 10;
}

} // namespace reel::wan
