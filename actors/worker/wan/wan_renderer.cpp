#include "actors/worker/wan/wan_renderer.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <sched.h>

#include "actors/worker/media/mp4_encoder.hpp"
#include "actors/worker/media/thumbnail.hpp"
#include "actors/worker/wan/cost_model.hpp"
#include "actors/worker/wan/generation.hpp"
#include "actors/worker/wan/guarded.hpp"
#include "actors/worker/wan/job_check.hpp"
#include "actors/worker/wan/noise.hpp"
#include "actors/worker/wan/process_memory.hpp"
#include "actors/worker/wan/run_state.hpp"
#include "actors/worker/wan/tensor_memory.hpp"
#include "actors/worker/wan/vae_tiles.hpp"
#include "runtime/observe/process_stats.hpp"

namespace reel::wan {
namespace {

constexpr std::int64_t tiles_max = 8;  // per side; smaller ones would be nearly all margin
constexpr std::int32_t empty_text = 1; // the token of umT5 that ends a text

at::Tensor noise_of(const latent_shape& s, std::uint64_t seed, at::Device device) {
  auto noise = at::empty({s.channels, s.frames, s.height, s.width}, at::kFloat);
  fill_normal(seed, {noise.data_ptr<float>(), static_cast<std::size_t>(s.count())});
  return noise.to(device);
}

/// What the device makes of a matrix product: some hundredths of a second, once.
double matrix_flop_per_s(at::Device device) {
  constexpr std::int64_t n = 512;
  constexpr int rounds = 3;
  auto a = at::ones({n, n}, at::TensorOptions{}.device(device)), b = a;
  at::mm(a, b).sum().item<float>(); // the first one loads code
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) b = at::mm(a, b).mul_(1.0 / n);
  b.sum().item<float>(); // waits for a device
  auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return rounds * 2.0 * n * n * n / took;
}

std::vector<std::pair<std::string, std::string>> tags_of(const run_job& job) {
  auto& p = job.params;
  auto seed = std::to_string(p.seed), id = to_string(job.id);
  auto instead = job.instead_of.value.empty() ? "" : " instead of " + job.instead_of.value;
  std::vector<std::pair<std::string, std::string>> tags{
      {"title", "AI-generated video"},
      {"comment", "AI-generated video; model " + p.model.value + instead + "; seed " + seed + "; job " + id},
      {"ai_generated", "true"},
      {"model", p.model.value},
      {"seed", seed},
      {"job_id", id}};
  if (!job.trace.is_nil()) tags.emplace_back("trace_id", hex_of(job.trace));
  if (!instead.empty()) tags.emplace_back("instead_of", job.instead_of.value);
  return tags;
}

/// A sample's files, from its frames in order.
class video_files {
public:
  explicit video_files(const run_job& job)
      : params_{job.params}, video_{{params_.width, params_.height, params_.fps, tags_of(job)}} {}

  void add(const at::Tensor& rgb) { // [frames, H, W, 3]
    auto frame_bytes = static_cast<std::size_t>(rgb.stride(0));
    for (std::int64_t i = 0; i < rgb.size(0); ++i, ++frame_) {
      std::span<const std::uint8_t> bytes{rgb.data_ptr<std::uint8_t>() + rgb.stride(0) * i, frame_bytes};
      video_.add(bytes);
      if (frame_ == params_.frames / 2) thumbnail_ = media::make_thumbnail(bytes, params_.width, params_.height);
    }
  }

  rendered finish() { return {blob{video_.finish()}, blob{std::move(thumbnail_)}}; }

private:
  render_params params_;
  media::mp4_encoder video_;
  std::vector<std::uint8_t> thumbnail_;
  std::int64_t frame_ = 0;
};

/// What all batches of a worker share.
struct shared_parts {
  shared_parts(const std::string& checkpoint, at::Device device, const load_options& how)
      : memory{memory_of(device)}, loaded{checkpoint, device, how}, texts{loaded},
        costs{loaded.config, matrix_flop_per_s(device)}, fingerprint{fingerprint_of(loaded)} {}

  std::uint32_t loads() const { return loaded.high.loads() + loaded.low.loads(); }
  std::chrono::nanoseconds load_time() const { return loaded.high.load_time() + loaded.low.load_time(); }

  /// Over both experts: whose videos a saved run would become.
  static std::string fingerprint_of(const model& m) {
    return std::to_string(m.high.fingerprint()) + '-' + std::to_string(m.low.fingerprint());
  }

  tensor_memory& memory;
  model loaded;
  text_cache texts;
  cost_model costs;
  std::string fingerprint;
};

batch_shape shape_of(const model& m, const render_params& p, std::size_t samples, std::int64_t prompt_tokens) {
  return {.latent = latent_shape_of(m.config, p),
          .samples = static_cast<std::int64_t>(samples),
          .steps = p.steps,
          .is_guided = p.guidance_high != 1 || p.guidance_low != 1,
          .prompt_tokens = prompt_tokens};
}

batch_shape shape_of(const model& m, const std::vector<run_job>& jobs) {
  std::size_t longest = 0;
  for (auto& j : jobs) longest = std::max({longest, j.prompt_tokens.size(), j.negative_tokens.size()});
  return shape_of(m, jobs.front().params, jobs.size(), static_cast<std::int64_t>(longest));
}

class wan_batch final : public render_batch {
public:
  wan_batch(shared_parts& parts, std::vector<run_job> jobs)
      : parts_{parts}, jobs_{std::move(jobs)}, shape_{shape_of(parts.loaded, jobs_)},
        baseline_bytes_{parts.memory.used_bytes()}, costs_{parts.costs.predict(shape_, baseline_bytes_)},
        run_{parts.loaded, schedule(), requests(jobs_), &parts.texts} {}

  ~wan_batch() override { parts_.memory.release(); }

  void prepare() override {
    const auto reused_before = parts_.texts.reused();
    measured(costs_[0], [this] { run_.prepare(); });
    costs_[0].texts_reused = static_cast<std::uint32_t>(parts_.texts.reused() - reused_before);
    if (costs_[0].texts_reused == 0 && !has_grown_) parts_.costs.learn(shape_, baseline_bytes_, costs_[0]);
  }
  void join(std::vector<run_job> jobs) override {
    check_jobs(parts_.loaded.config, jobs);
    has_grown_ = true;
    is_whole_ = false;
    guarded([&] {
      for (auto& r : requests(jobs)) run_.join(std::move(r), schedule());
    });
    jobs_.insert(jobs_.end(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
  }
  int steps_total() const override { return static_cast<int>(run_.steps_total()); }
  int steps_done() const override { return static_cast<int>(run_.steps_done()); }
  int steps_done_of(std::size_t sample) const override { return static_cast<int>(run_.state(sample).step); }
  void step() override {
    if (run_.steps_done() == run_.steps_total()) throw std::logic_error{"wan: no step is left"};
    auto loads_before = parts_.loads();
    measured(costs_[1], [this] { run_.step(); });
    costs_[1].expert_loads += parts_.loads() - loads_before;
    if (run_.steps_done() == run_.steps_total() && is_whole_) parts_.costs.learn(shape_, baseline_bytes_, costs_[1]);
  }
  void drop(std::size_t sample) override {
    run_.drop(sample);
    is_whole_ = false;
  }

  rendered finish(std::size_t sample, const std::function<void()>& tick) override {
    if (!run_.is_in(sample) || !run_.is_done(sample))
      throw std::logic_error{"wan: a sample that is not done, or dropped"};
    stage_cost one{.stage = run_phase::decoding};
    rendered files;
    auto plan = plan_decoding();
    measured(one, [&] { files = decode(jobs_[sample], run_.latent(sample), plan.tiles, tick); });
    if (plan.tiles == 1) parts_.costs.learn(plan.shape, baseline_bytes_, one);
    costs_[2].measured_bytes = std::max(costs_[2].measured_bytes, one.measured_bytes);
    costs_[2].measured_s += one.measured_s;
    return files;
  }

  std::vector<stage_cost> costs() const override { return costs_; }

  expert_use experts() const override {
    auto& m = parts_.loaded;
    if (m.options.experts == residency::both) return {};
    auto is_high = [&m](const schedule_step& s) { return m.is_high(s.timestep); };
    auto took = parts_.load_time() - load_time_before_;
    return {.resident = m.high.is_loaded()  ? expert::high_noise
                        : m.low.is_loaded() ? expert::low_noise
                                            : expert::none,
            .high_steps = static_cast<std::int32_t>(std::ranges::count_if(schedule(), is_high)),
            .loads = parts_.loads() - loads_before_,
            .load_ms = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(took).count())};
  }

  blob save() const override {
    return guarded([this] {
      run_state r{parts_.fingerprint, to_string(key_of(jobs_.front().params)), {}};
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!run_.is_in(i)) continue;
        auto now = run_.state(i);
        r.samples.push_back({to_string(jobs_[i].id), jobs_[i].params.seed, now.step, std::move(now.tensors)});
      }
      return save_run(r);
    });
  }

  /// Jobs that share a saved run share its bytes.
  void restore(const std::vector<blob>& saved) {
    std::map<const std::uint8_t*, run_state> loaded;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (saved.at(i).empty()) continue;
      auto [at, is_new] = loaded.try_emplace(saved[i].data());
      if (is_new) check(at->second = load_run(saved[i]));
      restore(at->second, i);
    }
    is_whole_ = false;
  }

private:
  struct decoding_plan {
    std::int64_t tiles = 1; ///< per side
    batch_shape shape;      ///< of one tile, with its margins
  };

  void check(const run_state& r) const {
    if (r.model != parts_.fingerprint)
      throw render_error{errc::unsupported, "saved run: of another checkpoint's weights"};
    if (r.batch != to_string(key_of(jobs_.front().params)))
      throw render_error{errc::invalid_argument,
                         "saved run: of " + r.batch + ", the jobs are " + to_string(key_of(jobs_.front().params))};
  }

  void restore(const run_state& r, std::size_t index) {
    auto& job = jobs_[index];
    auto found = std::ranges::find(r.samples, to_string(job.id), &saved_sample::id);
    if (found == r.samples.end() || found->seed != job.params.seed)
      throw render_error{errc::invalid_argument, "saved run: job " + to_string(job.id) +
                                                     " was not in it, or not with seed " +
                                                     std::to_string(job.params.seed)};
    if (found->tensors.latent.sizes() != run_.latent(index).sizes() ||
        found->step > static_cast<std::size_t>(job.params.steps))
      throw render_error{errc::corrupt, "saved run: sample " + found->id + " has another shape or step than its job"};
    auto device = parts_.loaded.device;
    auto on_device = [device](const at::Tensor& t) { return t.defined() ? t.to(device) : t; };
    auto& t = found->tensors;
    run_.restore(index, {found->step, {on_device(t.latent), on_device(t.before), on_device(t.m0), on_device(t.m1)}});
  }

  std::vector<schedule_step> schedule() const {
    auto& p = jobs_.front().params;
    return make_schedule({.sampler = p.sampler,
                          .steps = p.steps,
                          .shift = p.flow_shift,
                          .train_timesteps = static_cast<int>(parts_.loaded.config.train_timesteps)});
  }

  std::vector<sample_request> requests(const std::vector<run_job>& jobs) const {
    std::vector<sample_request> samples;
    for (auto& job : jobs)
      samples.push_back({job.prompt_tokens, job.negative_tokens, job.params.guidance_high, job.params.guidance_low,
                         noise_of(shape_.latent, job.params.seed, parts_.loaded.device)});
    return samples;
  }

  /// Whatever the work throws, what it took until then is in `cost`.
  template <class F> void measured(stage_cost& cost, F work) {
    auto begin = std::chrono::steady_clock::now();
    parts_.memory.restart_peak();
    auto note = [&] {
      cost.measured_bytes = std::max(cost.measured_bytes, parts_.memory.peak_bytes());
      cost.measured_s += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    try {
      guarded(work);
    } catch (...) {
      note();
      throw;
    }
    note();
  }

  rendered decode(const run_job& job, const at::Tensor& latent, std::int64_t tiles,
                  const std::function<void()>& tick) const {
    if (!latent.isfinite().all().item<bool>())
      throw render_error{errc::internal, "the model gave numbers that are not finite"};
    video_files files{job};
    if (tiles > 1) {
      files.add(decode_in_tiles(parts_.loaded.vae, latent, tiles, tiles, tick));
      return files.finish();
    }
    vae_stream stream{parts_.loaded.vae}; // frames are encoded as they are decoded: the video is never in memory
    for (auto& one : latent.unbind(1)) {
      files.add(to_rgb(stream.next(one)));
      tick();
    }
    return files.finish();
  }

  /// In as few tiles as fit into what is free; when nothing fits, as small as they get.
  decoding_plan plan_decoding() const {
    auto capacity = parts_.memory.capacity_bytes(), used = parts_.memory.used_bytes();
    decoding_plan plan{.shape = shape_};
    plan.shape.samples = 1;
    auto fits = [&] {
      auto held = plan.tiles > 1 ? bytes_beside_tiles() : 0;
      return capacity == 0 || parts_.costs.predict(plan.shape, used + held)[2].predicted_bytes <= capacity;
    };
    while (!fits() && plan.tiles < tiles_max) {
      ++plan.tiles;
      auto margins = (plan.tiles > 2 ? 2 : 1) * parts_.loaded.vae.reach(); // none at the frame's edges
      auto side = [&](std::int64_t cells) { return std::min(cells, (cells + plan.tiles - 1) / plan.tiles + margins); };
      plan.shape.latent.height = side(shape_.latent.height);
      plan.shape.latent.width = side(shape_.latent.width);
    }
    return plan;
  }

  /// What decode_in_tiles() keeps for all tiles: the middle of every frame and, where the device is the CPU, the video.
  std::uint64_t bytes_beside_tiles() const {
    auto& l = shape_.latent;
    auto& vae = parts_.loaded.config.vae;
    auto middles = l.frames * l.height * l.width * vae.dim * vae.widths.back() * 4;
    auto& p = jobs_.front().params;
    auto video = std::int64_t{p.frames} * p.height * p.width * 3;
    return static_cast<std::uint64_t>(middles + (parts_.loaded.device.is_cpu() ? 2 * video : 0));
  }

  shared_parts& parts_;
  std::vector<run_job> jobs_;
  batch_shape shape_;
  std::uint64_t baseline_bytes_;
  std::vector<stage_cost> costs_; ///< encoding, denoising, decoding
  bool is_whole_ = true;          ///< no sample has left or joined, every step was done here
  bool has_grown_ = false;
  std::uint32_t loads_before_ = parts_.loads(); ///< experts that others brought
  std::chrono::nanoseconds load_time_before_ = parts_.load_time();
  generation run_;
};

class wan_renderer final : public renderer {
public:
  wan_renderer(std::string checkpoint, at::Device device, const load_options& how)
      : checkpoint_{std::move(checkpoint)}, device_{device}, how_{how}, memory_{memory_of(device)} {
    load(how_);
  }

  std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) override { return make(std::move(jobs)); }

  std::unique_ptr<render_batch> resume(std::vector<run_job> jobs, const std::vector<blob>& saved) override {
    auto batch = make(std::move(jobs));
    guarded([&] { batch->restore(saved); });
    return batch;
  }

  std::vector<stage_cost> predict(const render_params& p, std::size_t jobs) const override {
    if (!parts_) return {};
    auto shape = shape_of(parts_->loaded, p, jobs, parts_->loaded.config.dit.text_len);
    return parts_->costs.predict(shape, memory_.used_bytes());
  }

  bool can_resume() const override { return true; }

  bool can_be_leaner() const override { return how_.experts != residency::streamed || !how_.drop_text_encoder; }

  /// Experts by their blocks, the text encoder only while texts are encoded.
  void keep_lean(bool lean) override {
    auto how = how_;
    if (lean) {
      how.experts = residency::streamed;
      how.drop_text_encoder = true;
    }
    load(how);
  }

  /// One patch, one step, by the expert that is there, else by the one that batches begin with: the other one would
  /// have to be brought, and the scheduler counts on what it knows to be there. Past wan_batch: its rate says nothing
  /// about batches.
  void keep_warm() override {
    if (!parts_) return;
    auto& m = parts_->loaded;
    auto is_low = m.low.is_loaded() && !m.high.is_loaded();
    auto& patch = m.config.dit.patch;
    sample_request empty{.prompt = {empty_text}};
    empty.noise = noise_of({m.config.vae.latent_channels, patch[0], patch[1], patch[2]}, 0, m.device);
    auto steps = make_schedule({.sampler = sampler_kind::euler, // each of its steps stands alone
                                .steps = static_cast<int>(m.config.train_timesteps),
                                .shift = 1,
                                .train_timesteps = static_cast<int>(m.config.train_timesteps)});
    steps = {is_low ? steps.back() : steps.front()};
    guarded([&] {
      generation run{m, std::move(steps), {std::move(empty)}}; // with texts of its own: those kept are of jobs
      run.prepare();
      run.step();
    });
    memory_.release();
    take_peak_bytes();
  }

  std::string device() const override { return memory_.device_name(); }
  std::uint64_t memory_bytes() const override { return memory_.capacity_bytes(); }
  std::uint64_t used_bytes() const override { return device_.is_cpu() ? resident_bytes() : memory_.used_bytes(); }
  std::uint64_t take_peak_bytes() override {
    if (device_.is_cpu()) return take_peak_resident_bytes();
    auto peak = memory_.peak_bytes();
    memory_.restart_peak();
    return peak;
  }

private:
  std::unique_ptr<wan_batch> make(std::vector<run_job> jobs) {
    if (!parts_) throw render_error{errc::internal, "the model could not be loaded again"};
    check_jobs(parts_->loaded.config, jobs);
    return guarded([&] { return std::make_unique<wan_batch>(*parts_, std::move(jobs)); });
  }

  /// Without both in memory at once.
  void load(const load_options& how) {
    parts_.reset();
    memory_.release();
    guarded([&] { parts_ = std::make_unique<shared_parts>(checkpoint_, device_, how); });
  }

  const std::string checkpoint_;
  const at::Device device_;
  const load_options how_;
  tensor_memory& memory_;
  std::unique_ptr<shared_parts> parts_; ///< null: could not be loaded again
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

load_options load_options_of(const renderer_options& o, at::Device device) {
  auto refuse = [&o](const std::string& what, const std::string& value, const std::string& allowed) {
    throw render_error{errc::unsupported,
                       "model " + o.model.value + ": " + what + " \"" + value + "\"; allowed are " + allowed};
  };
  load_options how{.drop_text_encoder = o.drop_text_encoder};
  if (o.precision == "bf16" || (o.precision == "auto" && !device.is_cpu()))
    how.products = at::kBFloat16;
  else if (o.precision != "float32" && o.precision != "auto")
    refuse("precision", o.precision, R"("auto", "float32" and "bf16")");
  if (o.experts == "one")
    how.experts = residency::one;
  else if (o.experts == "streamed")
    how.experts = residency::streamed;
  else if (o.experts != "both")
    refuse("experts", o.experts, R"("both", "one" and "streamed")");
  return how;
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
    auto device = device_of(options);
    auto& memory = memory_of(device);
    memory.limit(0);
    memory.limit(options.memory_bytes > 0 ? options.memory_bytes : memory.capacity_bytes() / 10 * 9);
    return std::make_unique<wan_renderer>(options.checkpoint, device, load_options_of(options, device));
  });
}

} // namespace reel::wan
