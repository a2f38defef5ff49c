// vae_layers.hpp: What the video autoencoder is built of (specification section 6): convolutions that look back in time
// and never ahead, residual blocks, attention inside a frame; and the memory of one video's stream through them.
//
// Frames stand in the batch dimension: [frames, channels, height, width], channels last in memory. A 3-D
// convolution is the sum over its time taps of 2-D convolutions: in float32 on a CPU two to five times as
// fast as conv3d (measured, LibTorch 1.13) and without a copy of the input.
//
// Layers are immutable after loading; a memory belongs to one video and one thread.
#pragma once

#include <optional>
#include <vector>

#include "actors/worker/wan/weights.hpp"

namespace reel::wan {

/// Convolution over time and space. Several taps: it has a place in the stream's memory.
struct vae_conv {
  std::vector<at::Tensor> taps; ///< per time tap [out, in, kernel, kernel]
  at::Tensor bias;              ///< [out]
  std::int64_t padding = 0;     ///< in space
  std::size_t memory = 0;       ///< index among the convolutions with several taps
};

struct vae_residual {
  at::Tensor gamma1, gamma2; ///< [channels, 1, 1], times sqrt(channels)
  vae_conv conv1, conv2;
  std::optional<vae_conv> shortcut; ///< when the number of channels changes
};

/// One head over the pixels of a frame.
struct vae_attention {
  at::Tensor gamma;
  vae_conv qkv, proj;
};

/// Reads layers by the reference's names and numbers their places in the memory. Throws what weights::get() throws.
class vae_loader {
public:
  explicit vae_loader(const weights& w) : weights_{w} {}

  /// kernel: {time, height, width}, or {height, width} for what the reference has as a 2-D convolution.
  vae_conv conv(const std::string& name, std::int64_t in, std::int64_t out, const std::vector<std::int64_t>& kernel);
  vae_residual residual(const std::string& prefix, std::int64_t in, std::int64_t out);
  vae_attention attention(const std::string& prefix, std::int64_t channels);

  /// Times sqrt(channels), which the normalisation would multiply with at every call; [channels, 1, 1].
  at::Tensor gamma(const std::string& name, const std::vector<std::int64_t>& shape) const;

  std::size_t memories() const { return memories_; }

private:
  const weights& weights_;
  std::size_t memories_ = 0;
};

/// Of one video, or of several of one size that are encoded or decoded in step (training): their frames then stand by
/// turns: first frames of all, second frames of all, and so on.
class vae_memory {
public:
  explicit vae_memory(std::size_t memories, std::int64_t videos = 1) : past_(memories), videos_{videos} {}
  vae_memory(const vae_memory&) = delete;
  vae_memory& operator=(const vae_memory&) = delete;

  /// The next frames of the video through one layer.
  at::Tensor run(const vae_conv& c, const at::Tensor& x);
  at::Tensor run(const vae_residual& r, const at::Tensor& x);
  at::Tensor run(const vae_attention& a, const at::Tensor& x);

  /// A convolution that gives every second frame; the video's first frame passes as it is.
  at::Tensor run_every_second(const vae_conv& c, const at::Tensor& x);

  std::int64_t videos() const { return videos_; }

private:
  std::vector<at::Tensor> past_; ///< per convolution its last input frames; undefined: none yet
  std::int64_t videos_;
};

/// x / max(|x| over channels, 1e-12) * gamma, then SiLU.
at::Tensor vae_norm_silu(const at::Tensor& x, const at::Tensor& gamma);

} // namespace reel::wan
