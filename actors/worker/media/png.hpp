// png.hpp: A picture as a png file. Private to this folder.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/worker/media/av.hpp"

namespace reel::media {

/// Of an RGB24 frame. The same frame gives the same bytes.
std::vector<std::uint8_t> encode_png(const AVFrame& frame);

} // namespace reel::media
