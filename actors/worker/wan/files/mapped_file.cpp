#include "actors/worker/wan/files/mapped_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/worker/renderer.hpp"

namespace reel::wan {

std::shared_ptr<const mapped_file> mapped_file::open(const std::filesystem::path& path) {
  return std::shared_ptr<const mapped_file>{new mapped_file{path}};
}

mapped_file::mapped_file(const std::filesystem::path& path) : path_{path} {
  int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO would wait for its writer
  if (fd < 0) throw render_error{errc::not_found, path_.string() + ": " + std::strerror(errno)};
  struct stat info {};
  ::fstat(fd, &info);
  auto size = static_cast<std::size_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size == 0) {
    ::close(fd);
    refuse(S_ISREG(info.st_mode) ? "expected tensors, found an empty file" : "expected a file");
  }
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) throw render_error{errc::out_of_memory, path_.string() + ": " + std::strerror(errno)};
  bytes_ = {static_cast<const std::byte*>(at), size};
}

mapped_file::~mapped_file() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

void mapped_file::refuse(const std::string& why) const {
  throw render_error{errc::corrupt, path_.string() + ": " + why};
}

} // namespace reel::wan
