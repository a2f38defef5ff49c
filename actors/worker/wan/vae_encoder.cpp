#include "actors/worker/wan/vae_encoder.hpp"

#include <stdexcept>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

vae_encoder::vae_encoder(const vae_config& c, const weights& w) : chunk_frames_{c.time_stride()} {
  vae_loader load{w};
  auto statistic = [&](const std::vector<double>& values) {
    auto t = at::empty({c.latent_channels, 1, 1}, at::kFloat);
    std::ranges::copy(values, t.data_ptr<float>());
    return t;
  };
  auto coarsest = c.dim * c.widths.back();
  first_ = load.conv("encoder.conv1", 3, c.dim, {3, 3, 3});
  load_levels(c, load);
  middle_before_ = load.residual("encoder.middle.0.", coarsest, coarsest);
  middle_attention_ = load.attention("encoder.middle.1.", coarsest);
  middle_after_ = load.residual("encoder.middle.2.", coarsest, coarsest);
  last_gamma_ = load.gamma("encoder.head.0.gamma", {coarsest, 1, 1, 1});
  last_ = load.conv("encoder.head.2", coarsest, 2 * c.latent_channels, {3, 3, 3});
  to_latent_ = load.conv("conv1", 2 * c.latent_channels, 2 * c.latent_channels, {1, 1, 1});
  memories_ = load.memories();
  mean_ = statistic(c.mean).to(last_.bias.device(), last_.bias.scalar_type());
  deviation_ = statistic(c.deviation).to(last_.bias.device(), last_.bias.scalar_type());
}

/// The reference numbers blocks and downsamplings of all levels in one row.
void vae_encoder::load_levels(const vae_config& c, vae_loader& load) {
  std::size_t index = 0;
  auto name = [&index] { return "encoder.downsamples." + std::to_string(index++) + '.'; };
  auto channels = c.dim;
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    level l;
    auto out = c.dim * c.widths[i];
    for (std::int64_t b = 0; b < c.blocks_per_level; ++b) {
      l.blocks.push_back(load.residual(name(), channels, out));
      channels = out;
    }
    if (i + 1 < c.widths.size()) {
      auto prefix = name();
      l.down = downsample{.space = load.conv(prefix + "resample.1", out, out, {3, 3}), .time = {}};
      if (c.halves_time[i]) l.down->time = load.conv(prefix + "time_conv", out, out, {3, 1, 1});
    }
    levels_.push_back(std::move(l));
  }
}

at::Tensor vae_encoding::next(const at::Tensor& frames) {
  auto& e = encoder_;
  if (!is_first_ && frames.size(0) != e.chunk_frames_) refuse();
  auto channels = e.mean_.size(0);
  return moments(frames)[0].narrow(0, 0, channels).sub(e.mean_).div_(e.deviation_);
}

at::Tensor vae_encoding::moments(const at::Tensor& frames) {
  auto& e = encoder_;
  auto stride = std::int64_t{1} << (e.levels_.size() - 1);
  auto count = frames.size(0) / memory_.videos();
  if ((is_first_ ? count != 1 : count % e.chunk_frames_) || frames.size(2) % stride || frames.size(3) % stride)
    refuse();
  is_first_ = false;
  auto x = memory_.run(e.first_, frames.contiguous(at::MemoryFormat::ChannelsLast));
  for (auto& level : e.levels_) {
    for (auto& block : level.blocks) x = memory_.run(block, x);
    if (level.down) x = run(*level.down, x);
  }
  x = memory_.run(e.middle_before_, x);
  x = memory_.run(e.middle_attention_, x);
  x = memory_.run(e.middle_after_, x);
  return memory_.run(e.to_latent_, memory_.run(e.last_, vae_norm_silu(x, e.last_gamma_)));
}

void vae_encoding::refuse() const {
  throw std::invalid_argument{"VAE encoder: one frame, then chunks of " + std::to_string(encoder_.chunk_frames_) +
                              ", with sides that are multiples of " +
                              std::to_string(std::int64_t{1} << (encoder_.levels_.size() - 1)) + ", are encoded"};
}

/// Padded on the right and below only, as the reference does.
at::Tensor vae_encoding::run(const vae_encoder::downsample& d, const at::Tensor& x) {
  auto padded = at::constant_pad_nd(x, {0, 1, 0, 1}).contiguous(at::MemoryFormat::ChannelsLast);
  auto y = at::conv2d(padded, d.space.taps[0], d.space.bias, 2);
  return d.time ? memory_.run_every_second(*d.time, y) : y;
}

at::Tensor encode_video(const vae_encoder& encoder, const at::Tensor& video, std::int64_t time_stride) {
  vae_encoding stream{encoder};
  auto frames = video.transpose(0, 1);
  std::vector<at::Tensor> latents{stream.next(frames.narrow(0, 0, 1))};
  for (std::int64_t at = 1; at + time_stride <= frames.size(0); at += time_stride)
    latents.push_back(stream.next(frames.narrow(0, at, time_stride)));
  return at::stack(latents, 1);
}

} // namespace reel::wan
