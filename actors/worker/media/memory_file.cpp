#include "actors/worker/media/memory_file.hpp"

#include <algorithm>
#include <new>

namespace reel::media {
namespace {
constexpr int buffer_bytes = 64 << 10;
constexpr std::int64_t file_bytes_max = std::int64_t{1} << 30; // a video is a few megabytes
} // namespace

AVIOContext* memory_file::open(bool for_writing) {
  auto place = std::make_unique<handle>(handle{this});
  auto* buffer = static_cast<unsigned char*>(check_made(av_malloc(buffer_bytes)));
  auto* io = avio_alloc_context(buffer, buffer_bytes, for_writing, place.get(), read, write, seek);
  if (!io) {
    av_free(buffer);
    throw std::bad_alloc{};
  }
  place.release(); // close() frees it
  return io;
}

void memory_file::close(AVIOContext* io) {
  if (!io) return;
  avio_flush(io);
  delete static_cast<handle*>(io->opaque);
  av_freep(&io->buffer);
  avio_context_free(&io);
}

int memory_file::read(void* opaque, std::uint8_t* to, int size) {
  auto& h = *static_cast<handle*>(opaque);
  auto left = static_cast<std::int64_t>(h.file->bytes_.size()) - h.position;
  if (left <= 0) return AVERROR_EOF;
  auto n = std::min<std::int64_t>(size, left);
  std::copy_n(h.file->bytes_.begin() + h.position, n, to);
  h.position += n;
  return static_cast<int>(n);
}

int memory_file::write(void* opaque, written_bytes from, int size) {
  auto& h = *static_cast<handle*>(opaque);
  auto end = h.position + size;
  if (end > file_bytes_max) return AVERROR(EFBIG);
  try {
    if (end > static_cast<std::int64_t>(h.file->bytes_.size())) h.file->bytes_.resize(static_cast<std::size_t>(end));
  } catch (const std::bad_alloc&) { // must not pass through C code
    return AVERROR(ENOMEM);
  }
  std::copy_n(from, size, h.file->bytes_.begin() + h.position);
  h.position = end;
  return size;
}

std::int64_t memory_file::seek(void* opaque, std::int64_t offset, int whence) {
  auto& h = *static_cast<handle*>(opaque);
  auto size = static_cast<std::int64_t>(h.file->bytes_.size());
  if (whence & AVSEEK_SIZE) return size;
  auto base = (whence & ~AVSEEK_FORCE) == SEEK_CUR ? h.position : (whence & ~AVSEEK_FORCE) == SEEK_END ? size : 0;
  if (base + offset < 0 || base + offset > file_bytes_max) return AVERROR(EINVAL);
  return h.position = base + offset;
}

} // namespace reel::media
