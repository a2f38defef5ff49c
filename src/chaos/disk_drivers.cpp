#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <stdexcept>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "src/chaos/drivers.hpp"

namespace reel::chaos {

namespace {

std::string filler_in(const std::string& folder) { return folder + "/reel-filler"; }

} // namespace

/// What the kernel allows is seen only by trying, on a folder of our own.
obstacle small_disk::cannot_run() {
  std::string folder = std::filesystem::temp_directory_path() / "reel-disk-XXXXXX";
  if (!::mkdtemp(folder.data())) return folder + ": " + std::strerror(errno);
  obstacle why;
  if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") != 0)
    why = std::string{"tmpfs cannot be mounted: "} + std::strerror(errno) + "; it needs root (or `unshare -rm`)";
  else
    ::umount2(folder.c_str(), MNT_DETACH);
  ::rmdir(folder.c_str());
  return why;
}

small_disk::small_disk(const std::string& folder, std::uint64_t bytes) : folder_{folder} {
  auto size = "size=" + std::to_string(bytes);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) != 0)
    throw std::system_error{errno, std::generic_category(), folder + ": tmpfs cannot be mounted"};
}

small_disk::~small_disk() { ::umount2(folder_.c_str(), MNT_DETACH); }

driver_result fill_disk(const std::string& folder) {
  auto file = filler_in(folder);
  int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return {false, file + ": " + std::strerror(errno), {}};
  std::vector<char> block(1u << 20, 'x');
  std::uint64_t bytes = 0;
  int code = 0;
  while (code == 0) {
    auto written = ::write(fd, block.data(), block.size());
    if (written > 0) bytes += static_cast<std::uint64_t>(written);
    if (written >= 0 || errno == EINTR) continue;
    if (block.size() > 1)
      block.resize(block.size() / 2); // the last bytes too
    else
      code = errno;
  }
  ::close(fd);
  return {code == ENOSPC, file + ": " + std::strerror(code) + " after " + std::to_string(bytes) + " bytes", {}};
}

driver_result free_disk(const std::string& folder) {
  auto file = filler_in(folder);
  bool is = ::unlink(file.c_str()) == 0;
  return {is, file + (is ? " is removed" : std::string{": "} + std::strerror(errno)), {}};
}

obstacle enter_private_mounts() {
  if (::unshare(CLONE_NEWNS) != 0)
    return std::string{"no mounts of its own: "} + std::strerror(errno) + "; it needs root (or `unshare -rm`)";
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return std::string{"mounts cannot be made private: "} + std::strerror(errno);
  return {};
}

} // namespace reel::chaos
