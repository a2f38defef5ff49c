#include "actors/worker/wan/vae_tiles.hpp"

#include <algorithm>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

/// A tile's cells, with the margin that the frame has there.
tile_range widened(const tile_range& r, std::int64_t margin, std::int64_t cells) {
  return {std::max<std::int64_t>(0, r.begin - margin), std::min(cells, r.end + margin)};
}

/// Pixels of `inner` out of those of `outer`.
at::Tensor cropped(const at::Tensor& pixels, int dimension, const tile_range& outer, const tile_range& inner,
                   std::int64_t stride) {
  return pixels.narrow(dimension, (inner.begin - outer.begin) * stride, (inner.end - inner.begin) * stride);
}

} // namespace

std::vector<tile_range> split_side(std::int64_t cells, std::int64_t parts) {
  std::vector<tile_range> out;
  for (std::int64_t i = 0; i < parts; ++i) out.push_back({cells * i / parts, cells * (i + 1) / parts});
  std::erase_if(out, [](auto& r) { return r.begin == r.end; });
  return out;
}

at::Tensor decode_in_tiles(const vae_decoder& decoder, const at::Tensor& latent, std::int64_t rows,
                           std::int64_t columns, const std::function<void()>& tick) {
  std::vector<at::Tensor> middles;
  {
    vae_stream whole{decoder};
    for (auto& frame : latent.unbind(1)) {
      middles.push_back(whole.middle(frame));
      tick();
    }
  }
  auto height = latent.size(2), width = latent.size(3), stride = decoder.space_stride();
  at::Tensor video;
  for (auto& y : split_side(height, rows))
    for (auto& x : split_side(width, columns)) {
      auto wide_y = widened(y, decoder.reach(), height), wide_x = widened(x, decoder.reach(), width);
      vae_stream tile{decoder};
      std::vector<at::Tensor> frames;
      for (auto& m : middles) {
        auto part = m.narrow(2, wide_y.begin, wide_y.end - wide_y.begin)
                        .narrow(3, wide_x.begin, wide_x.end - wide_x.begin)
                        .contiguous(at::MemoryFormat::ChannelsLast);
        auto pixels = cropped(tile.levels(part), 2, wide_y, y, stride);
        frames.push_back(to_rgb(cropped(pixels, 3, wide_x, x, stride)));
        tick();
      }
      auto all = at::cat(frames);
      if (!video.defined()) video = at::empty({all.size(0), height * stride, width * stride, 3}, at::kByte);
      cropped(cropped(video, 1, {0, height}, y, stride), 2, {0, width}, x, stride).copy_(all);
    }
  return video;
}

} // namespace reel::wan
