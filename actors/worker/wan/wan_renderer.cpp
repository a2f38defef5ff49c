#include "actors/worker/wan/wan_renderer.hpp"

#include <sched.h>

#include "actors/worker/media/mp4_encoder.hpp"
#include "actors/worker/media/thumbnail.hpp"
#include "actors/worker/wan/generation.hpp"
#include "actors/worker/wan/guarded.hpp"
#include "actors/worker/wan/job_check.hpp"
#include "actors/worker/wan/noise.hpp"
#include "actors/worker/wan/process_memory.hpp"

namespace reel::wan {
namespace {

at::Tensor noise_of(const latent_shape& s, std::uint64_t seed, at::Device device) {
  auto noise = at::empty({s.channels, s.frames, s.height, s.width}, at::kFloat);
  fill_normal(seed, {noise.data_ptr<float>(), static_cast<std::size_t>(s.count())});
  return noise.to(device);
}

std::vector<std::pair<std::string, std::string>> tags_of(const run_job& job) {
  auto& p = job.params;
  auto seed = std::to_string(p.seed), id = to_string(job.id);
  return {{"title", "AI-generated video"},
          {"comment", "AI-generated video; model " + p.model.value + "; seed " + seed + "; job " + id},
          {"ai_generated", "true"},
          {"model", p.model.value},
          {"seed", seed},
          {"job_id", id}};
}

class wan_batch final : public render_batch {
public:
  wan_batch(const model& m, std::vector<run_job> jobs) : model_{m}, jobs_{std::move(jobs)}, run_{start()} {}

  void prepare() override {
    guarded([this] { run_.prepare(); });
  }
  int steps_total() const override { return static_cast<int>(run_.steps_total()); }
  int steps_done() const override { return static_cast<int>(run_.steps_done()); }
  void step() override {
    if (run_.steps_done() == run_.steps_total()) throw std::logic_error{"wan: no step is left"};
    guarded([this] { run_.step(); });
  }
  void drop(std::size_t sample) override { run_.drop(sample); }

  rendered finish(std::size_t sample, const std::function<void()>& tick) override {
    if (run_.steps_done() != run_.steps_total() || !run_.is_in(sample))
      throw std::logic_error{"wan: a sample that is not done, or dropped"};
    return guarded([&] { return decode(jobs_[sample], run_.latent(sample), tick); });
  }

private:
  generation start() const {
    auto& p = jobs_.front().params;
    auto schedule = make_schedule({.sampler = p.sampler,
                                   .steps = p.steps,
                                   .shift = p.flow_shift,
                                   .train_timesteps = static_cast<int>(model_.config.train_timesteps)});
    std::vector<sample_request> samples;
    for (auto& job : jobs_)
      samples.push_back({job.prompt_tokens, job.negative_tokens, job.params.guidance_high, job.params.guidance_low,
                         noise_of(latent_shape_of(model_.config, p), job.params.seed, model_.device)});
    return {model_, std::move(schedule), std::move(samples)};
  }

  /// Frames go to the encoder as they are decoded: the whole video is never in memory.
  rendered decode(const run_job& job, const at::Tensor& latent, const std::function<void()>& tick) const {
    if (!latent.isfinite().all().item<bool>())
      throw render_error{errc::internal, "the model gave numbers that are not finite"};
    auto& p = job.params;
    media::mp4_encoder video{{p.width, p.height, p.fps, tags_of(job)}};
    std::vector<std::uint8_t> thumbnail;
    vae_stream stream{model_.vae};
    std::int64_t frame = 0;
    for (auto& one : latent.unbind(1)) {
      auto rgb = to_rgb(stream.next(one));
      auto frame_bytes = static_cast<std::size_t>(rgb.stride(0));
      for (std::int64_t i = 0; i < rgb.size(0); ++i, ++frame) {
        std::span<const std::uint8_t> bytes{rgb.data_ptr<std::uint8_t>() + rgb.stride(0) * i, frame_bytes};
        video.add(bytes);
        if (frame == p.frames / 2) thumbnail = media::make_thumbnail(bytes, p.width, p.height);
      }
      tick();
    }
    return {blob{video.finish()}, blob{std::move(thumbnail)}};
  }

  const model& model_;
  std::vector<run_job> jobs_;
  generation run_;
};

class wan_renderer final : public renderer {
public:
  wan_renderer(const std::string& checkpoint, at::Device device) : model_{checkpoint, device} {}

  std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) override {
    check_jobs(model_.config, jobs);
    return guarded([&] { return std::make_unique<wan_batch>(model_, std::move(jobs)); });
  }
  std::string device() const override { return model_.device.str(); }
  // A CUDA device's figures need a LibTorch built with CUDA; this reports the host's for the CPU only.
  std::uint64_t memory_bytes() const override { return model_.device.is_cpu() ? machine_memory_bytes() : 0; }
  std::uint64_t take_peak_bytes() override { return model_.device.is_cpu() ? take_peak_resident_bytes() : 0; }

private:
  model model_;
};

at::Device device_of(const renderer_options& options) {
  auto devices = static_cast<int>(at::getNumGPUs());
  if (options.device.empty()) return devices > 0 ? at::Device{at::kCUDA, 0} : at::Device{at::kCPU};
  if (options.device == "cpu") return at::kCPU;
  for (int i = 0; i < devices; ++i)
    if (options.device == "cuda:" + std::to_string(i) || (i == 0 && options.device == "cuda"))
      return {at::kCUDA, static_cast<at::DeviceIndex>(i)};
  throw render_error{errc::unsupported,
                     "model " + options.model.value + ": device \"" + options.device +
                         "\"; allowed are \"cpu\" and, on this machine, " +
                         (devices ? "\"cuda:0\" to \"cuda:" + std::to_string(devices - 1) + '"' : "no other")};
}

/// LibTorch's own default is one thread per physical core, which halves the speed on machines that count
/// threads.
int threads_of(const renderer_options& options) {
  if (options.threads > 0) return options.threads;
  cpu_set_t mine;
  return ::sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
}

} // namespace

std::unique_ptr<renderer> make_wan_renderer(const renderer_options& options) {
  return guarded([&]() -> std::unique_ptr<renderer> {
    at::set_num_threads(threads_of(options));
    return std::make_unique<wan_renderer>(options.checkpoint, device_of(options));
  });
}

} // namespace reel::wan
