// decoded.hpp: What tests of media look at: files read back, their boxes, the distance of two pictures.
#pragma once

#include "actors/worker/media/video_reader.hpp"

namespace reel::media::testing {

clip decode(const std::vector<std::uint8_t>& file);

/// Names of the outermost boxes of an mp4, in order.
std::vector<std::string> boxes(const std::vector<std::uint8_t>& mp4);

/// Peak signal-to-noise ratio in dB.
double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b);

} // namespace reel::media::testing
