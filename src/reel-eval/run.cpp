#include "src/reel-eval/run.hpp"

#include <chrono>
#include <map>

#include "actors/worker/media/video_reader.hpp"
#include "actors/worker/render_file.hpp"
#include "src/reel-worker/tokenize.hpp"

namespace reel::eval {

namespace {

using std::chrono::steady_clock;

std::vector<prompt_job> jobs_of(const std::vector<trial>& trials, const run_options& o) {
  std::vector<prompt_line> lines;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    prompt_line line{.number = i + 1, .fields = {}};
    line.fields["prompt"] = trials[i].asked.prompt;
    line.fields["negative_prompt"] = o.how.negative_prompt;
    line.fields["seed"] = o.seed + i;
    if (!o.sampler.empty()) line.fields["sampler"] = o.sampler;
    lines.push_back(std::move(line));
  }
  prompt_defaults defaults{.model = {"reel-eval"}, .how = o.how, .seed = std::nullopt};
  make_prompt_jobs(lines, defaults, "prompts"); // complains before anything slow begins
  return make_prompt_jobs(worker_cli::with_tokens(std::move(lines), o.checkpoint), defaults, "prompts");
}

/// How far a run is, in videos: a pass counts by its steps.
double done_of(const render_progress& p) {
  auto done = static_cast<double>(p.videos_done);
  if (p.phase != run_phase::denoising || p.steps_total == 0) return done;
  return done + static_cast<double>(p.batch) * p.step / (p.steps_total + 1.);
}

outcome look(const trial& t, const std::filesystem::path& video) {
  auto clip = media::read_clip(video.string());
  outcome out{
      .of = &t, .video = video, .seen = world::read_attributes(clip.frames, clip.width, clip.height), .verdict = {}};
  out.verdict = world::judge(t.asked, out.seen);
  return out;
}

} // namespace

run_result run(const std::vector<trial>& trials, const run_options& o, const run_progress& tell) {
  auto jobs = jobs_of(trials, o);
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < jobs.size(); ++i) places[jobs[i].stem] = i;
  auto model = make_renderer({.model = {"reel-eval"},
                              .kind = "wan",
                              .checkpoint = o.checkpoint,
                              .device = o.device,
                              .threads = o.threads,
                              .artifact_bytes = 0,
                              .fail_file = {},
                              .precision = o.precision});
  run_result out{.outcomes = std::vector<outcome>(trials.size()), .render_s = 0, .device = model->device()};
  auto began_at = steady_clock::now();
  steady_clock::duration looking{};
  render_prompts(*model, jobs, {.out = o.out, .batch_max = o.batch}, [&](const render_progress& p) {
    tell(done_of(p), p.videos_total);
    if (!p.wrote) return;
    auto looks_at = steady_clock::now();
    auto i = places.at(p.wrote->stem().string());
    out.outcomes[i] = look(trials[i], *p.wrote);
    looking += steady_clock::now() - looks_at;
  });
  out.render_s = std::chrono::duration<double>(steady_clock::now() - began_at - looking).count();
  return out;
}

} // namespace reel::eval
