// decoded.hpp: Reads a video or picture back through libav, as a player would.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace reel::media::testing {

struct decoded {
  int width = 0, height = 0;
  double fps = 0;
  std::string codec, pixels, colours; ///< colours: "primaries/transfer/matrix/range"
  std::map<std::string, std::string> tags;
  std::vector<std::vector<std::uint8_t>> frames; ///< RGB
};

decoded decode(const std::vector<std::uint8_t>& file);

/// Names of the outermost boxes of an mp4, in order.
std::vector<std::string> boxes(const std::vector<std::uint8_t>& mp4);

/// Peak signal-to-noise ratio in dB.
double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b);

} // namespace reel::media::testing
