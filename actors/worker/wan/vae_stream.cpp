#include "actors/worker/wan/layers.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/vae_decoder.hpp"

namespace reel::wan {
namespace {

/// x / max(|x| over channels, 1e-12) * gamma.
at::Tensor channel_norm(const at::Tensor& x, const at::Tensor& gamma) {
  return x.div(x.square().sum({1}, true).sqrt_().clamp_min_(1e-12)).mul_(gamma);
}

at::Tensor norm_silu(const at::Tensor& x, const at::Tensor& gamma) {
  auto y = channel_norm(x, gamma);
  return at::silu_(y);
}

} // namespace

vae_stream::vae_stream(const vae_decoder& decoder) : decoder_{decoder}, memory_(decoder.memories_) {}

at::Tensor vae_stream::next(const at::Tensor& latent, const probe& see) {
  auto& d = decoder_;
  auto note = [&see](const std::string& name, const at::Tensor& value) {
    if (see) see(name, value);
  };
  auto x = latent.mul(d.deviation_).add_(d.mean_).unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast);
  note("conv2", x = run(d.from_latent_, x));
  note("conv1", x = run(d.first_, x));
  note("mid0", x = run(d.middle_before_, x));
  note("mid1_attn", x = run(d.middle_attention_, x));
  note("mid2", x = run(d.middle_after_, x));
  std::size_t index = 0;
  for (auto& level : d.levels_) {
    for (auto& block : level.blocks) note("up" + std::to_string(index++), x = run(block, x));
    if (level.up) note("up" + std::to_string(index++), x = run(*level.up, x));
  }
  first_frame_ = false;
  return run(d.last_, norm_silu(x, d.last_gamma_));
}

at::Tensor vae_stream::run(const vae_decoder::conv& c, const at::Tensor& x) {
  if (c.taps.size() == 1) return at::conv2d(x, c.taps[0], c.bias, 1, c.padding);
  auto back = static_cast<std::int64_t>(c.taps.size()) - 1;
  auto& past = memory_[c.memory];
  if (!past.defined()) past = x.new_zeros({back, x.size(1), x.size(2), x.size(3)});
  auto frames = at::cat({past, x}).contiguous(at::MemoryFormat::ChannelsLast);
  past = frames.narrow(0, x.size(0), back).clone();
  auto out = at::conv2d(frames.narrow(0, 0, x.size(0)), c.taps[0], c.bias, 1, c.padding);
  for (std::int64_t tap = 1; tap <= back; ++tap)
    out.add_(at::conv2d(frames.narrow(0, tap, x.size(0)), c.taps[static_cast<std::size_t>(tap)], {}, 1, c.padding));
  return out;
}

at::Tensor vae_stream::run(const vae_decoder::residual& r, const at::Tensor& x) {
  auto y = run(r.conv1, norm_silu(x, r.gamma1));
  y = run(r.conv2, norm_silu(y, r.gamma2));
  return y.add_(r.shortcut ? run(*r.shortcut, x) : x);
}

/// One head over the pixels of each frame; the frames stand where attend() has its heads.
at::Tensor vae_stream::run(const vae_decoder::attention& a, const at::Tensor& x) {
  auto frames = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  auto qkv = run(a.qkv, channel_norm(x, a.gamma)).permute({0, 2, 3, 1}).reshape({frames, height * width, 3, channels});
  auto out = at::empty({frames, height * width, channels}, x.options());
  attend(qkv.select(2, 0), qkv.select(2, 1), qkv.select(2, 2), out);
  return run(a.proj, out.view({frames, height, width, channels}).permute({0, 3, 1, 2})).add_(x);
}

at::Tensor vae_stream::run(const vae_decoder::upsample& u, at::Tensor x) {
  if (u.time && !first_frame_) { // the very first frame stays one frame
    auto n = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
    auto pairs = run(*u.time, x).permute({0, 2, 3, 1}).reshape({n, height, width, 2, channels});
    x = pairs.permute({0, 3, 4, 1, 2})
            .reshape({2 * n, channels, height, width}); // frame 2t: first half of the channels
  }
  return run(u.space, at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
}

} // namespace reel::wan
