// memory_file.hpp: A file in memory for libav's muxer, which writes, seeks back, and, to move the index to
// the front, reads what it wrote through a second handle. Private to this folder.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/worker/media/av.hpp"

namespace reel::media {

#if LIBAVFORMAT_VERSION_MAJOR >= 61
using written_bytes = const std::uint8_t*;
#else
using written_bytes = std::uint8_t*;
#endif

class memory_file {
public:
  /// Handles read and write the same bytes, each from its own position. Free with close().
  AVIOContext* open(bool for_writing);
  static void close(AVIOContext* io);

  std::vector<std::uint8_t> take() { return std::move(bytes_); }

private:
  struct handle {
    memory_file* file;
    std::int64_t position = 0;
  };

  static int read(void* opaque, std::uint8_t* to, int size);
  static int write(void* opaque, written_bytes from, int size);
  static std::int64_t seek(void* opaque, std::int64_t offset, int whence);

  std::vector<std::uint8_t> bytes_;
};

} // namespace reel::media
