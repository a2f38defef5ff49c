#include "actors/worker/wan/vae_layers.hpp"

#include <cmath>

#include "actors/worker/wan/layers.hpp"
#include "actors/worker/wan/norm.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

at::Tensor channel_norm(const at::Tensor& x, const at::Tensor& gamma) {
  return x.div(x.square().sum({1}, true).clamp_min_(1e-24).sqrt_()).mul_(gamma);
}

} // namespace

at::Tensor vae_norm_silu(const at::Tensor& x, const at::Tensor& gamma) {
  if (x.is_cpu()) return norm_silu(x.contiguous(at::MemoryFormat::ChannelsLast), gamma);
  auto y = channel_norm(x, gamma);
  return at::silu_(y);
}

at::Tensor vae_loader::gamma(const std::string& name, const std::vector<std::int64_t>& shape) const {
  return weights_.get(name, shape).view({shape[0], 1, 1}) * std::sqrt(static_cast<double>(shape[0]));
}

vae_conv vae_loader::conv(const std::string& name, std::int64_t in, std::int64_t out,
                          const std::vector<std::int64_t>& kernel) {
  std::vector<std::int64_t> shape{out, in};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  auto weight = weights_.get(name + ".weight", shape);
  if (kernel.size() == 2) weight = weight.unsqueeze(2);
  vae_conv c{
      .taps = {}, .bias = weights_.get(name + ".bias", {out}), .padding = kernel.back() / 2, .memory = memories_};
  for (auto& tap : weight.unbind(2)) c.taps.push_back(tap.contiguous(at::MemoryFormat::ChannelsLast));
  if (c.taps.size() > 1) ++memories_;
  return c;
}

vae_residual vae_loader::residual(const std::string& prefix, std::int64_t in, std::int64_t out) {
  vae_residual r;
  r.gamma1 = gamma(prefix + "residual.0.gamma", {in, 1, 1, 1});
  r.conv1 = conv(prefix + "residual.2", in, out, {3, 3, 3});
  r.gamma2 = gamma(prefix + "residual.3.gamma", {out, 1, 1, 1});
  r.conv2 = conv(prefix + "residual.6", out, out, {3, 3, 3});
  if (in != out) r.shortcut = conv(prefix + "shortcut", in, out, {1, 1, 1});
  return r;
}

vae_attention vae_loader::attention(const std::string& prefix, std::int64_t channels) {
  return {.gamma = gamma(prefix + "norm.gamma", {channels, 1, 1}),
          .qkv = conv(prefix + "to_qkv", channels, 3 * channels, {1, 1}),
          .proj = conv(prefix + "proj", channels, channels, {1, 1})};
}

at::Tensor vae_memory::run(const vae_conv& c, const at::Tensor& x) {
  if (c.taps.size() == 1) return at::conv2d(x, c.taps[0], c.bias, 1, c.padding);
  auto taps = static_cast<std::int64_t>(c.taps.size()), back = (taps - 1) * videos_;
  auto& past = past_.at(c.memory);
  auto tap = [&c](std::int64_t i) -> auto& { return c.taps[static_cast<std::size_t>(i)]; };
  if (!past.defined() && x.size(0) == videos_) { // before the first frame is nothing: one tap alone sees something
    past = x.clone();
    return at::conv2d(x, tap(taps - 1), c.bias, 1, c.padding);
  }
  std::vector<at::Tensor> parts;
  auto known = past.defined() ? past.size(0) : 0;
  if (known < back) parts.push_back(x.new_zeros({back - known, x.size(1), x.size(2), x.size(3)}));
  if (known > 0) parts.push_back(past);
  parts.push_back(x);
  auto frames = at::cat(parts).contiguous(at::MemoryFormat::ChannelsLast);
  past = frames.narrow(0, x.size(0), back).clone();
  auto out = at::conv2d(frames.narrow(0, 0, x.size(0)), tap(0), c.bias, 1, c.padding);
  for (std::int64_t i = 1; i < taps; ++i)
    out.add_(at::conv2d(frames.narrow(0, i * videos_, x.size(0)), tap(i), {}, 1, c.padding));
  return out;
}

at::Tensor vae_memory::run(const vae_residual& r, const at::Tensor& x) {
  auto y = run(r.conv1, vae_norm_silu(x, r.gamma1));
  y = run(r.conv2, vae_norm_silu(y, r.gamma2));
  return y.add_(r.shortcut ? run(*r.shortcut, x) : x);
}

/// The frames stand where attend() has its heads.
at::Tensor vae_memory::run(const vae_attention& a, const at::Tensor& x) {
  auto frames = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  auto qkv = run(a.qkv, channel_norm(x, a.gamma)).permute({0, 2, 3, 1}).reshape({frames, height * width, 3, channels});
  auto out = attend(qkv.select(2, 0), qkv.select(2, 1), qkv.select(2, 2));
  return run(a.proj, out.view({frames, height, width, channels}).permute({0, 3, 1, 2})).add_(x);
}

at::Tensor vae_memory::run_every_second(const vae_conv& c, const at::Tensor& x) {
  auto& past = past_.at(c.memory);
  auto before = std::exchange(past, x.narrow(0, x.size(0) - videos_, videos_).clone());
  if (!before.defined()) return x;
  auto frames = at::cat({before, x});
  auto taps = static_cast<std::int64_t>(c.taps.size());
  auto times = frames.view({frames.size(0) / videos_, videos_, x.size(1), x.size(2), x.size(3)});
  auto count = (times.size(0) - taps) / 2 + 1;
  at::Tensor out;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    auto every_second =
        times.slice(0, tap, tap + 2 * count - 1, 2).flatten(0, 1).contiguous(at::MemoryFormat::ChannelsLast);
    auto& weight = c.taps[static_cast<std::size_t>(tap)];
    if (tap == 0)
      out = at::conv2d(every_second, weight, c.bias);
    else
      out.add_(at::conv2d(every_second, weight));
  }
  return out;
}

} // namespace reel::wan
