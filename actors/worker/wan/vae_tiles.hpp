// vae_tiles.hpp: Decodes a video tile by tile where memory is short: what a decoder keeps of past frames and the frames
// of its finest level shrink to a tile's. Exact, unlike tiles that are blended: the middle, whose attention looks at
// whole frames, runs on whole frames, and each tile is decoded with the margin that its pixels depend on. It costs the
// margins' work again, and frames leave only when all tiles are done; they wait as bytes in the CPU's memory.
//
// One video, one thread, inside a compute_scope.
#pragma once

#include <functional>

#include "actors/worker/wan/vae_decoder.hpp"

namespace reel::wan {

/// Cells [begin, end) of one side of a latent frame.
struct tile_range {
  std::int64_t begin = 0, end = 0;
  bool operator==(const tile_range&) const = default;
};

/// `cells` in `parts` of as equal a size as can be.
std::vector<tile_range> split_side(std::int64_t cells, std::int64_t parts);

/// latent [channels, T, h, w], normalised -> [frames, H, W, 3], bytes. tick: after every piece of work.
at::Tensor decode_in_tiles(const vae_decoder& decoder, const at::Tensor& latent, std::int64_t rows,
                           std::int64_t columns, const std::function<void()>& tick);

} // namespace reel::wan
