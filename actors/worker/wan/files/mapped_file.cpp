#include "actors/worker/wan/files/mapped_file.hpp"

#include <cerrno>
#include <cstdint>
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

namespace {

void advise(std::span<const std::byte> part, bool whole_pages_only, int advice) {
  auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto begin = reinterpret_cast<std::uintptr_t>(part.data()), end = begin + part.size();
  begin = whole_pages_only ? (begin + page - 1) / page * page : begin / page * page;
  if (whole_pages_only) end = end / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

} // namespace

void mapped_file::read_ahead(std::span<const std::byte> part) {
#ifdef MADV_POPULATE_READ
  advise(part, false, MADV_POPULATE_READ);
#else
  advise(part, false, MADV_WILLNEED);
#endif
}

void mapped_file::let_go(std::span<const std::byte> part) { advise(part, true, MADV_DONTNEED); }

void mapped_file::refuse(const std::string& why) const {
  throw render_error{errc::corrupt, path_.string() + ": " + why};
}

} // namespace reel::wan
