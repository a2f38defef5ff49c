#include <charconv>
#include <optional>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/generation.hpp"
#include "actors/worker/wan/parity/parts.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

/// "SAMPLER_nSTEPS_shiftSHIFT".
std::optional<schedule_options> options_of(std::string_view group, std::int64_t train_timesteps) {
  auto steps_at = group.find("_n"), shift_at = group.find("_shift");
  if (steps_at == group.npos || shift_at == group.npos) return std::nullopt;
  auto kind = parse_sampler(group.substr(0, steps_at));
  schedule_options o{.train_timesteps = static_cast<int>(train_timesteps)};
  auto begin = group.data();
  auto steps = std::from_chars(begin + steps_at + 2, begin + shift_at, o.steps);
  auto shift = std::from_chars(begin + shift_at + 6, begin + group.size(), o.shift);
  if (!kind || steps.ec != std::errc{} || shift.ec != std::errc{}) return std::nullopt;
  o.sampler = *kind;
  return o;
}

void compare_levels(comparison& c, const std::string& prefix, const schedule_options& o) {
  auto sigmas = make_sigmas(o);
  c.compare(prefix + "sigmas", at::from_blob(sigmas.data(), {static_cast<std::int64_t>(sigmas.size())}));
  std::vector<double> timesteps;
  for (auto& step : make_schedule(o)) timesteps.push_back(step.timestep);
  c.compare(prefix + "timesteps",
            at::from_blob(timesteps.data(), {static_cast<std::int64_t>(timesteps.size())}, at::kDouble));
}

/// The model of these files is a formula of the latent, so that a trajectory depends on nothing but the sampler.
at::Tensor formula(const at::Tensor& x, double timestep) {
  return x.mul(0.8).add(x.mul(3).add(timestep / 200).sin().mul(0.5)).sub(x.cos().mul(0.2));
}

/// Latents along our own trajectory, and the formula's answers there.
void compare_trajectory(comparison& c, const std::string& group, const schedule_options& o) {
  compare_levels(c, group + '.', o);
  auto start = c.has("x_init") ? c.input("x_init")[0] : c.input(group + ".x")[0];
  sampler ours{start};
  std::vector<at::Tensor> x{start}, v;
  for (auto& step : make_schedule(o)) {
    v.push_back(formula(ours.latent(), step.timestep));
    ours.advance(step, v.back());
    x.push_back(ours.latent());
  }
  c.compare(group + ".x", at::stack(x));
  c.compare(group + ".v", at::stack(v));
}

std::vector<std::int32_t> ids_of(const at::Tensor& ids, const at::Tensor& mask) {
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0, n = mask.sum().item<std::int64_t>(); i < n; ++i)
    out.push_back(static_cast<std::int32_t>(ids[i].item<std::int64_t>()));
  return out;
}

sampler_kind sampler_of(const comparison& c) {
  auto name = std::string_view{c.file()}.substr(std::string_view{"e2e_"}.size());
  return name == "dpmpp" ? sampler_kind::dpmpp : name == "euler" ? sampler_kind::euler : sampler_kind::unipc;
}

at::Tensor decode(const model& m, const at::Tensor& latent) {
  vae_stream stream{m.vae};
  std::vector<at::Tensor> frames;
  for (auto& one : latent.unbind(1)) frames.push_back(stream.next(one));
  return at::cat(frames).clamp(-1, 1).transpose(0, 1);
}

} // namespace

void compare_samplers(const parity_subject& s, comparison& c) {
  for (auto& group : c.groups())
    if (auto o = options_of(group, s.loaded.config.train_timesteps)) compare_trajectory(c, group, *o);
}

void compare_run(const parity_subject& s, comparison& c) {
  auto& m = s.loaded;
  auto ids = c.input("ids"), mask = c.input("mask");
  auto prompt = ids_of(ids[0], mask[0]), negative = ids_of(ids[1], mask[1]);
  auto& how = s.files.folder.defaults;
  schedule_options o{.sampler = sampler_of(c),
                     .steps = static_cast<int>(c.input("timesteps").size(0)),
                     .shift = how.flow_shift,
                     .train_timesteps = static_cast<int>(m.config.train_timesteps)};
  compare_levels(c, "", o);
  c.compare("context", m.text.encode(prompt));
  c.compare("context_null", m.text.encode(negative));

  auto schedule = make_schedule(o);
  auto is_high = at::empty({o.steps}, at::kLong);
  std::map<std::string, std::vector<at::Tensor>> by_step;
  generation run{m, schedule, {{prompt, negative, how.guidance_high, how.guidance_low, c.input("noise").to(m.device)}}};
  run.prepare();
  for (int i = 0; i < o.steps; ++i) {
    is_high[i] = m.is_high(schedule[static_cast<std::size_t>(i)].timestep) ? 1 : 0;
    layer_recorder parts;
    run.step(parts.see());
    for (auto& [name, value] : parts.seen) by_step[name].push_back(value);
    by_step["latents"].push_back(run.latent(0).clone());
  }
  for (auto& [name, values] : by_step) c.compare(name, at::stack(values));
  c.compare("expert_high", is_high);
  c.compare("final_latent", run.latent(0));
  c.compare("video", decode(m, run.latent(0)));
}

} // namespace reel::wan
