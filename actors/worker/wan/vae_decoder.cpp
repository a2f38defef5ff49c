#include "actors/worker/wan/vae_decoder.hpp"

#include <cmath>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

/// Times sqrt(channels), which the normalisation would multiply with at every call; [channels, 1, 1].
at::Tensor load_gamma(const weights& w, const std::string& name, const std::vector<std::int64_t>& shape) {
  return w.get(name, shape).view({shape[0], 1, 1}) * std::sqrt(static_cast<double>(shape[0]));
}

} // namespace

vae_decoder::vae_decoder(const vae_config& c, const weights& w) {
  auto statistic = [&](const std::vector<double>& values) {
    auto t = at::empty({c.latent_channels, 1, 1}, at::kFloat);
    std::ranges::copy(values, t.data_ptr<float>());
    return t;
  };
  auto widest = c.dim * c.widths.back(), narrowest = c.dim * c.widths.front();
  from_latent_ = load_conv(w, "conv2", c.latent_channels, c.latent_channels, {1, 1, 1});
  first_ = load_conv(w, "decoder.conv1", c.latent_channels, widest, {3, 3, 3});
  middle_before_ = load_residual(w, "decoder.middle.0.", widest, widest);
  middle_attention_ = {.gamma = load_gamma(w, "decoder.middle.1.norm.gamma", {widest, 1, 1}),
                       .qkv = load_conv(w, "decoder.middle.1.to_qkv", widest, 3 * widest, {1, 1}),
                       .proj = load_conv(w, "decoder.middle.1.proj", widest, widest, {1, 1})};
  middle_after_ = load_residual(w, "decoder.middle.2.", widest, widest);
  load_levels(c, w);
  last_gamma_ = load_gamma(w, "decoder.head.0.gamma", {narrowest, 1, 1, 1});
  last_ = load_conv(w, "decoder.head.2", narrowest, 3, {3, 3, 3});
  mean_ = statistic(c.mean).to(last_.bias.device());
  deviation_ = statistic(c.deviation).to(last_.bias.device());
}

/// The reference numbers blocks and upsamplings of all levels in one row.
void vae_decoder::load_levels(const vae_config& c, const weights& w) {
  std::size_t index = 0;
  auto name = [&index] { return "decoder.upsamples." + std::to_string(index++) + '.'; };
  auto channels = c.dim * c.widths.back();
  for (auto i = c.widths.size(); i-- > 0;) {
    level l;
    auto out = c.dim * c.widths[i];
    for (std::int64_t b = 0; b <= c.blocks_per_level; ++b) {
      l.blocks.push_back(load_residual(w, name(), channels, out));
      channels = out;
    }
    if (i > 0) {
      auto prefix = name();
      upsample up;
      if (c.halves_time[i - 1]) up.time = load_conv(w, prefix + "time_conv", out, 2 * out, {3, 1, 1});
      channels = out / 2;
      up.space = load_conv(w, prefix + "resample.1", out, channels, {3, 3});
      l.up = std::move(up);
    }
    levels_.push_back(std::move(l));
  }
}

vae_decoder::residual vae_decoder::load_residual(const weights& w, const std::string& name, std::int64_t in,
                                                 std::int64_t out) {
  residual r;
  r.gamma1 = load_gamma(w, name + "residual.0.gamma", {in, 1, 1, 1});
  r.conv1 = load_conv(w, name + "residual.2", in, out, {3, 3, 3});
  r.gamma2 = load_gamma(w, name + "residual.3.gamma", {out, 1, 1, 1});
  r.conv2 = load_conv(w, name + "residual.6", out, out, {3, 3, 3});
  if (in != out) r.shortcut = load_conv(w, name + "shortcut", in, out, {1, 1, 1});
  return r;
}

/// kernel: {time, height, width}, or {height, width} for what the reference has as a 2-D convolution.
vae_decoder::conv vae_decoder::load_conv(const weights& w, const std::string& name, std::int64_t in, std::int64_t out,
                                         std::vector<std::int64_t> kernel) {
  std::vector<std::int64_t> shape{out, in};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  auto weight = w.get(name + ".weight", shape);
  if (kernel.size() == 2) weight = weight.unsqueeze(2);
  conv c{.taps = {}, .bias = w.get(name + ".bias", {out}), .padding = kernel.back() / 2, .memory = memories_};
  for (auto& tap : weight.unbind(2)) c.taps.push_back(tap.contiguous(at::MemoryFormat::ChannelsLast));
  if (c.taps.size() > 1) ++memories_;
  return c;
}

at::Tensor to_rgb(const at::Tensor& pixels) {
  auto scaled = pixels.clamp(-1, 1).add_(1).div_(2).mul_(255); // truncated, not rounded, as the reference saves them
  return scaled.permute({0, 2, 3, 1}).to(at::kCPU, at::kByte).contiguous();
}

} // namespace reel::wan
