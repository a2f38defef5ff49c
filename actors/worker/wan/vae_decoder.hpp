// vae_decoder.hpp: Latents to pixels, one latent frame at a time (specification section 6). The network is
// causal in time: every convolution looks back over at most two frames, which a vae_stream keeps, so that a
// long video needs the memory of one latent frame and its first frames leave before its last are decoded.
//
// Frames stand in the batch dimension: [frames, channels, height, width], channels last in memory. A 3-D
// convolution is the sum over its time taps of 2-D convolutions: in float32 on a CPU two to five times as
// fast as conv3d (measured, LibTorch 1.13) and without a copy of the input.
//
// The decoder is immutable after loading; a stream belongs to one video and one thread. Keys as in the
// reference (section 2.3).
#pragma once

#include <optional>
#include <vector>

#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/probe.hpp"
#include "actors/worker/wan/weights.hpp"

namespace reel::wan {

class vae_decoder {
public:
  vae_decoder(const vae_config& config, const weights& w);

private:
  friend class vae_stream;

  /// Convolution over time and space. Several taps: causal, and it has a place in the stream's memory.
  struct conv {
    std::vector<at::Tensor> taps; ///< per time tap [out, in, kernel, kernel]
    at::Tensor bias;              ///< [out]
    std::int64_t padding = 0;     ///< in space
    std::size_t memory = 0;       ///< index among the causal convolutions
  };
  struct residual {
    at::Tensor gamma1, gamma2; ///< [channels, 1, 1], times sqrt(channels)
    conv conv1, conv2;
    std::optional<conv> shortcut; ///< when the number of channels changes
  };
  struct attention {
    at::Tensor gamma;
    conv qkv, proj;
  };
  struct upsample {
    std::optional<conv> time; ///< doubles the frames, from the second latent frame on
    conv space;
  };
  struct level {
    std::vector<residual> blocks;
    std::optional<upsample> up; ///< the finest level has none
  };

  conv load_conv(const weights& w, const std::string& name, std::int64_t in, std::int64_t out,
                 std::vector<std::int64_t> kernel);
  residual load_residual(const weights& w, const std::string& name, std::int64_t in, std::int64_t out);
  void load_levels(const vae_config& c, const weights& w);

  at::Tensor mean_, deviation_; ///< [channels, 1, 1]
  conv from_latent_, first_, last_;
  residual middle_before_, middle_after_;
  attention middle_attention_;
  std::vector<level> levels_;
  at::Tensor last_gamma_;
  std::size_t memories_ = 0; ///< number of causal convolutions
};

/// Decodes one video.
class vae_stream {
public:
  explicit vae_stream(const vae_decoder& decoder);
  vae_stream(const vae_stream&) = delete;
  vae_stream& operator=(const vae_stream&) = delete;

  /// The next latent frame [channels, h, w], normalised. Returns [1 (first call) or time stride, 3, H, W],
  /// not clamped.
  at::Tensor next(const at::Tensor& latent, const probe& see = {});

private:
  at::Tensor run(const vae_decoder::conv& c, const at::Tensor& x);
  at::Tensor run(const vae_decoder::residual& r, const at::Tensor& x);
  at::Tensor run(const vae_decoder::attention& a, const at::Tensor& x);
  at::Tensor run(const vae_decoder::upsample& u, at::Tensor x);

  const vae_decoder& decoder_;
  std::vector<at::Tensor> memory_; ///< per causal convolution its last two input frames; undefined: zeros
  bool first_frame_ = true;
};

/// Pixels in [-1, 1] (others are clamped) [frames, 3, H, W] to bytes [frames, H, W, 3] in CPU memory.
at::Tensor to_rgb(const at::Tensor& pixels);

} // namespace reel::wan
