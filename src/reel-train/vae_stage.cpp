#include "src/reel-train/vae_stage.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/vae_decoder.hpp"
#include "actors/worker/wan/vae_encoder.hpp"
#include "src/world/drawing.hpp"
#include "src/world/judge.hpp"

namespace reel::train {
namespace {

using world::clip_frames;
using world::side_px;

/// uint8 [n, frames, H, W, 3] -> [frames, n, 3, H, W] in [-1, 1].
at::Tensor pixels_of(const at::Tensor& bytes) {
  return bytes.permute({1, 0, 4, 2, 3}).to(at::kFloat).div_(127.5).sub_(1).contiguous();
}

/// What a step learns from: how many frames, of how many clips.
struct lesson {
  double until; ///< share of all steps
  std::int64_t frames, clips;
};
/// A channel that says less is noise that the decoder overlooks: brought up to the others' size, it would be the larger
/// part of what a transformer learns.
constexpr double deviation_least = 0.5;

constexpr lesson lessons[] = {{.35, 1, 12}, {.65, 5, 3}, {.85, 9, 2}, {1, 17, 1}};

const lesson& lesson_at(std::int64_t step, std::int64_t steps) {
  auto done = static_cast<double>(step) / static_cast<double>(steps);
  return *std::ranges::find_if(lessons, [done](auto& l) { return done < l.until; });
}

at::Tensor draw_batch(const at::Tensor& clips, const lesson& l, std::mt19937_64& rng) {
  std::vector<at::Tensor> some;
  for (std::int64_t i = 0; i < l.clips; ++i) {
    auto clip = clips[static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(clips.size(0)))];
    auto last = clips.size(1) - l.frames;
    auto first = static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(last + 1));
    some.push_back(clip.narrow(0, first, l.frames));
  }
  return pixels_of(at::stack(some));
}

/// frames [F, V, 3, H, W] -> mean and logarithmic variance [latent frames x V, channels, h, w] each.
std::vector<at::Tensor> moments_of(const wan::vae_encoder& encoder, const at::Tensor& frames) {
  wan::vae_encoding stream{encoder, frames.size(1)};
  auto moments = stream.moments(frames[0]);
  if (frames.size(0) > 1)
    moments = at::cat({moments, stream.moments(frames.narrow(0, 1, frames.size(0) - 1).flatten(0, 1))});
  return moments.to(at::kFloat).chunk(2, 1);
}

at::Tensor decoded(const wan::vae_decoder& decoder, const at::Tensor& latents, std::int64_t videos) {
  wan::vae_stream stream{decoder, videos};
  auto frames = stream.next_of(latents.narrow(0, 0, videos));
  if (latents.size(0) > videos)
    frames = at::cat({frames, stream.next_of(latents.narrow(0, videos, latents.size(0) - videos))});
  return frames.to(at::kFloat);
}

/// Its latents are not normalised while it learns.
wan::vae_config plain(wan::vae_config c) {
  c.mean.assign(static_cast<std::size_t>(c.latent_channels), 0);
  c.deviation.assign(static_cast<std::size_t>(c.latent_channels), 1);
  return c;
}

at::Tensor vae_loss(const wan::vae_config& config, const std::shared_ptr<const parameter_map>& live,
                    const at::Tensor& clips, std::mt19937_64& rng) {
  wan::weights w{live, at::TensorOptions{}.dtype(type_of_products())};
  wan::vae_encoder encoder{config, w};
  wan::vae_decoder decoder{config, w};
  auto videos = clips.size(1);
  auto m = moments_of(encoder, clips.to(type_of_products()));
  auto variance = m[1].clamp(-20, 10);
  auto latents = m[0].add(variance.mul(0.5).exp().mul(normal(m[0].sizes(), rng())));
  auto off = decoded(decoder, latents.to(type_of_products()), videos).sub(clips.flatten(0, 1));
  auto divergence = m[0].square().add(variance.exp()).sub(variance).sub(1).mul(0.5).mean();
  return off.abs().mean().add(off.square().mean(), 3).add(divergence, 1e-3);
}

} // namespace

at::Tensor draw_clips(const std::vector<world::example>& examples, std::size_t first, std::size_t count) {
  auto clips = at::empty({static_cast<std::int64_t>(count), clip_frames, side_px, side_px, 3}, at::kByte);
  at::parallel_for(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      auto bytes = world::draw_clip(examples.at(first + static_cast<std::size_t>(i)).scene);
      auto* to = clips.data_ptr<std::uint8_t>() + i * static_cast<std::int64_t>(bytes.size());
      std::memcpy(to, bytes.data(), bytes.size());
    }
  });
  return clips;
}

parameter_map train_vae(const wan::vae_config& config, const at::Tensor& clips, const at::Tensor& held_out,
                        const stage_options& options) {
  auto c = plain(config);
  auto parameters = first_parameters(wan::model_part::vae, {.dit = {}, .text = {}, .vae = c}, options.seed);
  optimizer_options how{.gradient_norm_max = 0.5, .by_muon = [](const std::string& name, const at::Tensor& t) {
                          return t.dim() > 1 && !name.ends_with(".gamma") && name != "encoder.conv1.weight" &&
                                 name != "decoder.head.2.weight";
                        }};
  how.weight_decay = 0;
  learner learns{options, how};
  return learns.run(
      parameters,
      [&](auto& live, part_of_step part) {
        return vae_loss(c, live, draw_batch(clips, lesson_at(part.step, options.steps), part.rng), part.rng);
      },
      [&](const parameter_map& average, std::int64_t step) {
        return step % 250 ? std::string{} : fmt::format("psnr {:.2f}", psnr_of(c, average, held_out));
      });
}

namespace {

/// uint8 [1, frames, H, W, 3] through encoder and decoder as the product runs them.
class round_trip {
public:
  round_trip(const wan::vae_config& config, const parameter_map& vae)
      : weights_{std::make_shared<const parameter_map>(vae), at::TensorOptions{}.dtype(at::kFloat)},
        encoder_{plain(config), weights_}, decoder_{plain(config), weights_} {}

  at::Tensor operator()(const at::Tensor& clip) const {
    return wan::to_rgb(decoded(decoder_, moments_of(encoder_, pixels_of(clip))[0], 1));
  }

private:
  wan::weights weights_;
  wan::vae_encoder encoder_;
  wan::vae_decoder decoder_;
};

} // namespace

double psnr_of(const wan::vae_config& config, const parameter_map& vae, const at::Tensor& clips) {
  wan::compute_scope scope;
  round_trip again{config, vae};
  auto sum = 0.0;
  for (auto& clip : clips.split(1)) {
    auto error = again(clip).to(at::kFloat).sub(clip[0].to(at::kFloat)).square().mean().item<double>();
    sum += 10 * std::log10(255 * 255 / std::max(error, 1e-6));
  }
  return sum / static_cast<double>(clips.size(0));
}

std::string read_back(const wan::vae_config& config, const parameter_map& vae,
                      const std::vector<world::example>& examples, std::size_t first) {
  wan::compute_scope scope;
  round_trip again{config, vae};
  constexpr std::size_t count = 100;
  std::array<int, world::judged_names.size()> right{}, asked{};
  for (auto i = first; i < std::min(first + count, examples.size()); ++i) {
    std::vector<std::vector<std::uint8_t>> frames;
    for (auto& f : again(draw_clips(examples, i, 1)).unbind(0))
      frames.emplace_back(f.data_ptr<std::uint8_t>(), f.data_ptr<std::uint8_t>() + f.numel());
    auto verdict =
        world::judge(world::expected_of(examples[i].scene), world::read_attributes(frames, side_px, side_px));
    for (std::size_t a = 0; a < right.size(); ++a) {
      asked[a] += verdict.right[a].has_value();
      right[a] += verdict.right[a].value_or(false);
    }
  }
  std::string text;
  for (std::size_t a = 0; a < right.size(); ++a)
    text += fmt::format("{}{} {} of {}", a == 0 ? "" : ", ", world::judged_names[a], right[a], asked[a]);
  return text;
}

latents encode_clips(const wan::vae_config& config, const parameter_map& vae,
                     const std::vector<world::example>& examples, unsigned threads) {
  auto c = plain(config);
  auto tensors = std::make_shared<const parameter_map>(vae);
  auto stride = c.space_stride();
  auto frames = 1 + (clip_frames - 1) / c.time_stride();
  auto all = at::empty(
      {static_cast<std::int64_t>(examples.size()), c.latent_channels, frames, side_px / stride, side_px / stride},
      at::kFloat);
  thread_team{threads, [] { at::set_num_threads(1); }}.run([&](unsigned thread) {
    wan::compute_scope scope;
    wan::weights w{tensors, at::TensorOptions{}.dtype(type_of_products())};
    wan::vae_encoder encoder{c, w};
    constexpr std::size_t together = 4;
    auto end = examples.size() * (thread + 1) / threads;
    for (auto i = examples.size() * thread / threads; i < end; i += together) {
      auto count = std::min(together, end - i);
      auto pixels = pixels_of(draw_clips(examples, i, count)).to(type_of_products());
      auto means = moments_of(encoder, pixels)[0]; // [frames x clips, channels, h, w]
      auto by_clip =
          means.view({frames, static_cast<std::int64_t>(count), c.latent_channels, means.size(2), means.size(3)});
      all.narrow(0, static_cast<std::int64_t>(i), static_cast<std::int64_t>(count))
          .copy_(by_clip.permute({1, 2, 0, 3, 4}));
    }
  });
  latents out{.means = all, .mean = {}, .deviation = {}};
  for (std::int64_t channel = 0; channel < c.latent_channels; ++channel) {
    auto values = all.select(1, channel);
    out.mean.push_back(values.mean().item<double>());
    out.deviation.push_back(std::max(values.std().item<double>(), deviation_least));
    values.sub_(out.mean.back()).div_(out.deviation.back());
  }
  return out;
}

} // namespace reel::train
