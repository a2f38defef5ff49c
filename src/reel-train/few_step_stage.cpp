#include "src/reel-train/few_step_stage.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>

#include "actors/worker/wan/generation.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "src/reel-train/dit_lesson.hpp"
#include "src/world/chance.hpp"

namespace reel::train {
namespace {

constexpr std::size_t together = 8; // videos in one pass of the teacher

/// Videos first to last, into their places.
void draw_some(const wan::model& teacher, const trajectory_options& o, trajectories& into, std::size_t first,
               std::size_t last) {
  auto schedule = wan::make_schedule({.sampler = sampler_kind::unipc,
                                      .steps = o.steps,
                                      .shift = o.shift,
                                      .train_timesteps = static_cast<int>(teacher.config.train_timesteps)});
  std::vector<wan::sample_request> requests;
  for (auto video = first; video < last; ++video) {
    requests.push_back({.prompt = into.texts[video],
                        .negative = no_text,
                        .guidance_high = o.guidance,
                        .guidance_low = o.guidance,
                        .noise = normal(into.ends.sizes().slice(1), o.seed * 1'000'003 + video)});
  }
  wan::generation run{teacher, schedule, std::move(requests)};
  run.prepare();
  for (std::size_t step = 0; step < schedule.size(); ++step) {
    for (auto video = first; video < last; ++video)
      into.states[static_cast<std::int64_t>(video)][static_cast<std::int64_t>(step)].copy_(run.latent(video - first));
    run.step();
  }
  for (auto video = first; video < last; ++video)
    into.ends[static_cast<std::int64_t>(video)].copy_(run.latent(video - first));
}

trajectories without_states(const std::vector<world::example>& examples, const trajectory_options& o) {
  trajectories out;
  for (auto sigma :
       wan::make_sigmas({.sampler = sampler_kind::unipc, .steps = o.steps, .shift = o.shift, .train_timesteps = 1000}))
    if (sigma > 0) out.levels.push_back(sigma);
  for (std::size_t video = 0; video < o.videos; ++video) {
    auto& captions = examples[video % examples.size()].captions;
    out.texts.push_back(captions[(video * 7) % captions.size()]);
  }
  return out;
}

lesson draw_lesson(const dit_lessons& lessons, const trajectories& from, std::mt19937_64& rng) {
  lesson out;
  std::vector<at::Tensor> noisy, ends;
  auto levels = at::empty({lessons.batch, 1, 1, 1, 1}, at::kFloat);
  for (std::int64_t i = 0; i < lessons.batch; ++i) {
    auto video = static_cast<std::int64_t>(rng() % from.texts.size());
    // The highest levels decide what is shown: half of the lessons are about them.
    auto u = world::between(rng, 0, 1);
    auto level = static_cast<std::size_t>(u * u * static_cast<double>(from.levels.size()));
    noisy.push_back(from.states[video][static_cast<std::int64_t>(level)]);
    ends.push_back(from.ends[video]);
    levels.data_ptr<float>()[i] = static_cast<float>(from.levels[level]);
    out.texts.push_back(from.texts[static_cast<std::size_t>(video)]);
    out.timesteps.push_back(from.levels[level] * static_cast<double>(lessons.config.train_timesteps));
  }
  out.noisy = at::stack(noisy).to(at::kFloat);
  out.velocity = out.noisy.sub(at::stack(ends).to(at::kFloat)).div(levels);
  out.weight = levels; // an error of the velocity moves the end by as much as the level
  return out;
}

} // namespace

trajectories draw_trajectories(const std::vector<world::example>& examples, const trajectory_options& o) {
  auto out = without_states(examples, o);
  wan::model teacher{o.teacher, at::kCPU};
  auto& c = teacher.config;
  auto h = world::side_px / c.vae.space_stride(), t = 1 + (world::clip_frames - 1) / c.vae.time_stride();
  std::vector<std::int64_t> shape{static_cast<std::int64_t>(o.videos), c.vae.latent_channels, t, h, h};
  out.ends = at::empty(shape, at::kBFloat16);
  shape.insert(shape.begin() + 1, static_cast<std::int64_t>(out.levels.size()));
  out.states = at::empty(shape, at::kBFloat16);
  std::atomic<std::size_t> next{0};
  thread_team{o.threads, [] { at::set_num_threads(1); }}.run([&](unsigned) {
    wan::compute_scope scope;
    for (std::size_t first; (first = next.fetch_add(together)) < o.videos;) {
      draw_some(teacher, o, out, first, std::min(first + together, o.videos));
      if (first / together % 50 == 0) fmt::print("trajectories: {} of {}\n", first, o.videos), std::fflush(stdout);
    }
  });
  return out;
}

void save(const std::filesystem::path& file, const trajectories& t) {
  save(file, {{"states", t.states}, {"ends", t.ends}}, stored_as::bfloat16);
}

trajectories load_trajectories(const std::filesystem::path& file, const std::vector<world::example>& examples,
                               const trajectory_options& options) {
  auto out = without_states(examples, options);
  auto tensors = load(file);
  out.states = tensors.at("states").to(at::kBFloat16);
  out.ends = tensors.at("ends").to(at::kBFloat16);
  if (out.states.size(0) != static_cast<std::int64_t>(out.texts.size()) ||
      out.states.size(1) != static_cast<std::int64_t>(out.levels.size()))
    throw std::runtime_error{file.string() + ": made with other options"};
  return out;
}

parameter_map train_few_step(const dit_lessons& lessons, const trajectories& from, parameter_map parameters,
                             const parameter_map& text, const stage_options& options) {
  return train_transformer(
      lessons, std::move(parameters), text, [&](auto& rng) { return draw_lesson(lessons, from, rng); }, options);
}

} // namespace reel::train
