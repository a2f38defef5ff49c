#include "actors/worker/media/thumbnail.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/worker/media/png.hpp"

namespace reel::media {

std::vector<std::uint8_t> make_thumbnail(std::span<const std::uint8_t> rgb, int width, int height) {
  if (width < 1 || height < 1 ||
      rgb.size() != std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
    throw std::invalid_argument{"thumbnail: the frame's bytes do not fit its size"};
  auto side = std::max(width, height);
  auto shrink = [side](int n) { return side <= thumbnail_side_max ? n : std::max(1, n * thumbnail_side_max / side); };

  auto frame = make_frame(AV_PIX_FMT_RGB24, shrink(width), shrink(height));
  auto scaler = make_scaler(width, height, frame->width, frame->height, AV_PIX_FMT_RGB24);
  scale(scaler.get(), rgb.data(), width, height, *frame);
  return encode_png(*frame);
}

} // namespace reel::media
