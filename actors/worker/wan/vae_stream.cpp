#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/vae_decoder.hpp"

namespace reel::wan {

at::Tensor vae_stream::next(const at::Tensor& latent, const probe& see) { return levels(middle(latent, see), see); }

at::Tensor vae_stream::middle(const at::Tensor& latent, const probe& see) {
  return middle_of(latent.unsqueeze(0), see);
}

at::Tensor vae_stream::middle_of(const at::Tensor& latents, const probe& see) {
  auto& d = decoder_;
  auto note = [&see](const char* name, const at::Tensor& value) {
    if (see) see(name, value);
  };
  auto x = latents.mul(d.deviation_).add_(d.mean_).contiguous(at::MemoryFormat::ChannelsLast);
  note("conv2", x = memory_.run(d.from_latent_, x));
  note("conv1", x = memory_.run(d.first_, x));
  note("mid0", x = memory_.run(d.middle_before_, x));
  note("mid1_attn", x = memory_.run(d.middle_attention_, x));
  note("mid2", x = memory_.run(d.middle_after_, x));
  return x;
}

at::Tensor vae_stream::levels(at::Tensor x, const probe& see) {
  std::size_t index = 0;
  auto note = [&](const at::Tensor& value) {
    if (see) see("up" + std::to_string(index), value);
    ++index;
  };
  for (auto& level : decoder_.levels_) {
    for (auto& block : level.blocks) note(x = memory_.run(block, x));
    if (level.up) note(x = run(*level.up, std::move(x)));
  }
  is_first_ = false;
  x = vae_norm_silu(x, decoder_.last_gamma_);
  return memory_.run(decoder_.last_, x);
}

at::Tensor vae_stream::run(const vae_decoder::upsample& u, at::Tensor x) {
  if (u.time && !is_first_) { // the very first frame stays one frame
    auto videos = memory_.videos(), n = x.size(0) / videos;
    auto channels = x.size(1), height = x.size(2), width = x.size(3);
    auto pairs = memory_.run(*u.time, x).permute({0, 2, 3, 1}).reshape({n, videos, height, width, 2, channels});
    x = pairs.permute({0, 4, 1, 5, 2, 3})
            .reshape({2 * n * videos, channels, height, width}); // frame 2t: first half of the channels
  }
  return memory_.run(u.space, at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
}

} // namespace reel::wan
