#include "actors/worker/wan/job_check.hpp"

#include <cmath>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/rope.hpp"

namespace reel::wan {
namespace {

// Beyond these the samplers' arithmetic leaves float's range; the reference uses 12, and 3 to 4.
constexpr float shift_max = 100, guidance_max = 100;

[[noreturn]] void unsupported(const std::string& what, const std::string& found, const std::string& allowed) {
  throw render_error{errc::unsupported, what + ' ' + found + ": " + allowed};
}

void check_side(const char* what, std::int64_t pixels, std::int64_t multiple) {
  auto most = multiple * rope_positions_max;
  if (pixels < multiple || pixels % multiple || pixels > most)
    unsupported(what, std::to_string(pixels),
                "multiples of " + std::to_string(multiple) + " up to " + std::to_string(most) + " are allowed");
}

void check_frames(const model_config& c, std::int64_t frames) {
  auto stride = c.vae.time_stride(), patch = c.dit.patch[0];
  auto latent_frames = (frames - 1) / stride + 1;
  auto most = (patch * rope_positions_max - 1) * stride + 1;
  if (frames < 1 || (frames - 1) % stride || latent_frames % patch || frames > most)
    unsupported("frames", std::to_string(frames),
                std::to_string(stride * patch) + "n+" + std::to_string((patch - 1) * stride + 1) + " up to " +
                    std::to_string(most) + " are allowed");
}

void check_range(const char* what, double value, double most, bool zero_too) {
  if (!(value >= 0 && value <= most) || (value == 0 && !zero_too))
    unsupported(what, std::to_string(value),
                std::string{zero_too ? "0" : "above 0"} + " to " + std::to_string(most) + " is allowed");
}

void check_tokens(const model_config& c, const char* what, const std::vector<std::int32_t>& tokens) {
  if (tokens.empty())
    throw render_error{errc::invalid_argument, std::string{what} + ": no tokens; an empty text has one"};
  if (static_cast<std::int64_t>(tokens.size()) > c.dit.text_len)
    unsupported(what, "of " + std::to_string(tokens.size()) + " tokens",
                "1 to " + std::to_string(c.dit.text_len) + " are allowed");
  for (auto t : tokens)
    if (t < 0 || t >= c.text.vocabulary)
      throw render_error{errc::invalid_argument, std::string{what} + ": token " + std::to_string(t) + ", ids below " +
                                                     std::to_string(c.text.vocabulary) + " are allowed"};
}

void check_job(const model_config& c, const run_job& job) {
  auto& p = job.params;
  check_side("width", p.width, c.vae.space_stride() * c.dit.patch[2]);
  check_side("height", p.height, c.vae.space_stride() * c.dit.patch[1]);
  check_frames(c, p.frames);
  if (p.steps < 1 || p.steps > c.train_timesteps)
    unsupported("steps", std::to_string(p.steps), "1 to " + std::to_string(c.train_timesteps) + " are allowed");
  check_range("fps", p.fps, 240, false);
  check_range("flow_shift", p.flow_shift, shift_max, false);
  check_range("guidance_high", p.guidance_high, guidance_max, true);
  check_range("guidance_low", p.guidance_low, guidance_max, true);
  check_tokens(c, "prompt", job.prompt_tokens);
  if (p.guidance_high != 1 || p.guidance_low != 1) check_tokens(c, "negative prompt", job.negative_tokens);
}

} // namespace

void check_jobs(const model_config& config, std::span<const run_job> jobs) {
  if (jobs.empty()) throw render_error{errc::invalid_argument, "a batch without jobs"};
  for (auto& job : jobs) {
    check_job(config, job);
    if (key_of(job.params) != key_of(jobs.front().params))
      throw render_error{errc::invalid_argument, "a batch of different kinds: " + to_string(key_of(job.params)) +
                                                     " and " + to_string(key_of(jobs.front().params))};
  }
}

latent_shape latent_shape_of(const model_config& c, const render_params& p) {
  return {c.vae.latent_channels, (p.frames - 1) / c.vae.time_stride() + 1, p.height / c.vae.space_stride(),
          p.width / c.vae.space_stride()};
}

} // namespace reel::wan
