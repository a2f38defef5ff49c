// mp4_encoder.hpp: Frames to an mp4 file in memory that plays everywhere: H.264, 4:2:0, BT.709 limited range
// and tagged so, index before the data (players start before the download ends). The file says in its
// metadata that it was made by a model (readable with ffprobe).
//
// One encoder per video, one thread, frames in order. The same frames and tags give the same bytes (one
// encoder thread, no time stamps of the day, no version strings of libav). 4:2:0 needs even sizes: an odd
// last row or column is repeated once. Holds the compressed video and a few frames. Throws std::runtime_error
// with libav's text, std::bad_alloc; std::logic_error when used out of order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace reel::media {

struct video_options {
  int width = 0, height = 0; ///< pixels, 1 or more
  int fps = 0;
  /// "title" and "comment" are what players show; others are kept under their own names.
  std::vector<std::pair<std::string, std::string>> tags;
};

class mp4_encoder {
public:
  explicit mp4_encoder(const video_options& options);
  ~mp4_encoder();
  mp4_encoder(const mp4_encoder&) = delete;
  mp4_encoder& operator=(const mp4_encoder&) = delete;

  /// rgb: height rows of width packed pixels.
  void add(std::span<const std::uint8_t> rgb);

  /// Once, last.
  std::vector<std::uint8_t> finish();

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace reel::media
