// vae_encoder.hpp: Pixels to latents, one latent frame at a time (specification section 6, "Encoder"): the way back of
// vae_decoder.hpp, with the same bound: a long video needs the memory of the frames of one latent frame. Text to video
// does not need it; it stands ready for what starts from pictures, and proves the VAE's other half of a checkpoint.
//
// The encoder is immutable after loading; a stream belongs to one video and one thread. Keys as in the reference
// (section 2.3).
#pragma once

#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/vae_layers.hpp"

namespace reel::wan {

class vae_encoder {
public:
  vae_encoder(const vae_config& config, const weights& w);

private:
  friend class vae_encoding;

  struct downsample {
    vae_conv space;               ///< halves the sides
    std::optional<vae_conv> time; ///< halves the frames, from the second chunk on
  };
  struct level {
    std::vector<vae_residual> blocks;
    std::optional<downsample> down; ///< the coarsest level has none
  };

  void load_levels(const vae_config& c, vae_loader& load);

  std::int64_t chunk_frames_ = 0; ///< of every chunk but the first
  at::Tensor mean_, deviation_;   ///< [channels, 1, 1]
  vae_conv first_, last_, to_latent_;
  std::vector<level> levels_;
  vae_residual middle_before_, middle_after_;
  vae_attention middle_attention_;
  at::Tensor last_gamma_;
  std::size_t memories_ = 0;
};

/// Encodes one video.
class vae_encoding {
public:
  explicit vae_encoding(const vae_encoder& encoder, std::int64_t videos = 1)
      : encoder_{encoder}, memory_{encoder.memories_, videos} {}

  /// The next frames [n, 3, H, W], float32 in [-1, 1]: one in the first call, then as many as the VAE's time stride;
  /// sides are multiples of its space stride (std::invalid_argument). Returns the mean of their latent frame
  /// [channels, h, w], normalised.
  at::Tensor next(const at::Tensor& frames);

  /// The next frames of all videos [frames x videos, 3, H, W] (vae_layers.hpp: in which order), in the weights' type:
  /// one of each in the first call, then multiples of the time stride. Returns [latent frames x videos, 2 x channels,
  /// h, w]: mean and logarithmic variance, not normalised.
  at::Tensor moments(const at::Tensor& frames);

private:
  [[noreturn]] void refuse() const;
  at::Tensor run(const vae_encoder::downsample& d, const at::Tensor& x);

  const vae_encoder& encoder_;
  vae_memory memory_;
  bool is_first_ = true;
};

/// A whole video [3, T, H, W] -> [channels, 1 + (T - 1) / time stride, h, w]; frames beyond the last whole chunk are
/// left out, as in the reference.
at::Tensor encode_video(const vae_encoder& encoder, const at::Tensor& video, std::int64_t time_stride);

} // namespace reel::wan
