// vae_decoder.hpp: Latents to pixels, one latent frame at a time (specification section 6). The network is
// causal in time: every convolution looks back over at most two frames, which a vae_stream keeps, so that a
// long video needs the memory of one latent frame and its first frames leave before its last are decoded.
//
// The decoder is immutable after loading; a stream belongs to one video and one thread. Layers: vae_layers.hpp. Keys as
// in the reference (section 2.3).
#pragma once

#include <optional>
#include <vector>

#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/probe.hpp"
#include "actors/worker/wan/vae_layers.hpp"

namespace reel::wan {

class vae_decoder {
public:
  vae_decoder(const vae_config& config, const weights& w);

  /// Cells of a latent beyond a tile's edge that its pixels depend on, once the middle is done.
  std::int64_t reach() const { return reach_; }
  std::int64_t space_stride() const { return std::int64_t{1} << (levels_.size() - 1); }

private:
  friend class vae_stream;

  struct upsample {
    std::optional<vae_conv> time; ///< doubles the frames, from the second latent frame on
    vae_conv space;
  };
  struct level {
    std::vector<vae_residual> blocks;
    std::optional<upsample> up; ///< the finest level has none
  };

  void load_levels(const vae_config& c, vae_loader& load);

  at::Tensor mean_, deviation_; ///< [channels, 1, 1]
  vae_conv from_latent_, first_, last_;
  vae_residual middle_before_, middle_after_;
  vae_attention middle_attention_;
  std::vector<level> levels_;
  at::Tensor last_gamma_;
  std::size_t memories_ = 0; ///< number of causal convolutions
  std::int64_t reach_ = 0;
};

/// Decodes one video, or one tile of it.
class vae_stream {
public:
  explicit vae_stream(const vae_decoder& decoder, std::int64_t videos = 1)
      : decoder_{decoder}, memory_{decoder.memories_, videos} {}
  vae_stream(const vae_stream&) = delete;
  vae_stream& operator=(const vae_stream&) = delete;

  /// The next latent frame [channels, h, w], normalised. Returns [1 (first call) or time stride, 3, H, W],
  /// not clamped.
  at::Tensor next(const at::Tensor& latent, const probe& see = {});

  /// The next latent frames of all videos [frames x videos, channels, h, w] (vae_layers.hpp: in which order), in the
  /// weights' type; one of each in the first call.
  at::Tensor next_of(const at::Tensor& latents) { return levels(middle_of(latents)); }

  /// The two halves of next(). The middle looks at whole frames, at their coarsest; what follows only at a cell's
  /// neighbours, so that it may be done tile by tile, each with a stream of its own.
  at::Tensor middle(const at::Tensor& latent, const probe& see = {});
  at::Tensor levels(at::Tensor x, const probe& see = {});

private:
  at::Tensor middle_of(const at::Tensor& latents, const probe& see = {});
  at::Tensor run(const vae_decoder::upsample& u, at::Tensor x);

  const vae_decoder& decoder_;
  vae_memory memory_;
  bool is_first_ = true;
};

/// Pixels in [-1, 1] (others are clamped) [frames, 3, H, W] to bytes [frames, H, W, 3] in CPU memory.
at::Tensor to_rgb(const at::Tensor& pixels);

} // namespace reel::wan
