#include "actors/worker/wan/vae_decoder.hpp"

#include <algorithm>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

vae_decoder::vae_decoder(const vae_config& c, const weights& w) {
  vae_loader load{w};
  auto statistic = [&](const std::vector<double>& values) {
    auto t = at::empty({c.latent_channels, 1, 1}, at::kFloat);
    std::ranges::copy(values, t.data_ptr<float>());
    return t;
  };
  auto widest = c.dim * c.widths.back(), narrowest = c.dim * c.widths.front();
  from_latent_ = load.conv("conv2", c.latent_channels, c.latent_channels, {1, 1, 1});
  first_ = load.conv("decoder.conv1", c.latent_channels, widest, {3, 3, 3});
  middle_before_ = load.residual("decoder.middle.0.", widest, widest);
  middle_attention_ = load.attention("decoder.middle.1.", widest);
  middle_after_ = load.residual("decoder.middle.2.", widest, widest);
  load_levels(c, load);
  last_gamma_ = load.gamma("decoder.head.0.gamma", {narrowest, 1, 1, 1});
  last_ = load.conv("decoder.head.2", narrowest, 3, {3, 3, 3});
  memories_ = load.memories();
  mean_ = statistic(c.mean).to(last_.bias.device(), last_.bias.scalar_type());
  deviation_ = statistic(c.deviation).to(last_.bias.device(), last_.bias.scalar_type());
}

/// The reference numbers blocks and upsamplings of all levels in one row.
void vae_decoder::load_levels(const vae_config& c, vae_loader& load) {
  std::size_t index = 0;
  auto name = [&index] { return "decoder.upsamples." + std::to_string(index++) + '.'; };
  auto channels = c.dim * c.widths.back();
  std::int64_t reach = 0; // in pixels of the finest level
  for (auto i = c.widths.size(); i-- > 0;) {
    level l;
    auto out = c.dim * c.widths[i];
    for (std::int64_t b = 0; b <= c.blocks_per_level; ++b) {
      l.blocks.push_back(load.residual(name(), channels, out));
      channels = out;
      reach += 2 << i; // two convolutions of three pixels
    }
    if (i > 0) {
      auto prefix = name();
      upsample up;
      if (c.halves_time[i - 1]) up.time = load.conv(prefix + "time_conv", out, 2 * out, {3, 1, 1});
      channels = out / 2;
      up.space = load.conv(prefix + "resample.1", out, channels, {3, 3});
      reach += 1 << (i - 1);
      l.up = std::move(up);
    }
    levels_.push_back(std::move(l));
  }
  ++reach; // the last convolution
  reach_ = (reach + space_stride() - 1) / space_stride();
}

at::Tensor to_rgb(const at::Tensor& pixels) {
  auto scaled = pixels.clamp(-1, 1).add_(1).div_(2).mul_(255); // truncated, not rounded, as the reference saves them
  return scaled.permute({0, 2, 3, 1}).to(at::kCPU, at::kByte).contiguous();
}

} // namespace reel::wan
