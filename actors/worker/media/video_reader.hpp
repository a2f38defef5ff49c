// video_reader.hpp: Reads a video or picture file back through libav, as a player would: for contact sheets and for
// checking what a job has made. Holds all frames, so it is for short clips. One thread; no state.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace reel::media {

inline constexpr std::size_t clip_bytes_max = std::size_t{1} << 30; ///< of decoded frames: refuses what is no clip

struct clip {
  int width = 0, height = 0; ///< pixels
  double fps = 0;
  std::string codec, pixels, colours; ///< libav's names; colours: "primaries/transfer/matrix/range"
  std::map<std::string, std::string> tags;
  std::vector<std::vector<std::uint8_t>> frames; ///< each height rows of width packed RGB pixels
};

/// Throws std::runtime_error with the file's name for what cannot be read, decoded, or is too long.
clip read_clip(const std::string& file);

} // namespace reel::media
