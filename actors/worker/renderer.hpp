// renderer.hpp: What a worker needs of a model: take a batch, encode its texts, denoise step by step, give each
// sample's finished files. Three kinds: the Wan model (wan/, a plug-in, so that only a process that renders loads
// LibTorch and libav), the null model (no work, for measuring the line itself), and the tests' scripted one.
//
// One renderer per worker process, used by its one compute thread. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>

#include "messages/worker.hpp"

namespace reel {

/// Thrown by any call of a renderer. out_of_memory leaves the renderer usable; after internal the process ends.
class render_error : public std::runtime_error {
public:
  render_error(errc code, const std::string& text) : std::runtime_error{text}, code_{code} {}
  errc code() const { return code_; }

private:
  errc code_;
};

/// A finished job's files. The null model may give none (empty blobs).
struct rendered {
  blob video;     ///< mp4
  blob thumbnail; ///< png
};

/// Memory and time of one stage of a batch. Measured figures are 0 until the stage has run.
struct stage_cost {
  run_phase stage = run_phase::waiting; ///< encoding, denoising or decoding
  std::uint64_t predicted_bytes = 0;    ///< of the device at its highest, weights included
  std::uint64_t measured_bytes = 0;
  double predicted_s = 0, measured_s = 0;
  std::uint32_t expert_loads = 0; ///< experts brought to the device for it
  std::uint32_t texts_reused = 0; ///< texts that an earlier batch had encoded
  bool operator==(const stage_cost&) const = default;
};

/// One batch on its way through the model; at most one exists at a time. Samples are numbered as given to begin().
/// Same seed, same checkpoint: the same video, whatever else is in the batch.
class render_batch {
public:
  virtual ~render_batch() = default;

  /// Text encoding and noise; first, and after each join().
  virtual void prepare() = 0;

  /// More samples, between two steps, numbered after those that are there; they begin from their first step. Jobs as
  /// for renderer::begin(), with the same batch_key. Throws render_error(unsupported), with nothing changed, where the
  /// model cannot.
  virtual void join(std::vector<run_job> jobs) {
    static_cast<void>(jobs);
    throw render_error{errc::unsupported, "this model's batches cannot grow"};
  }

  /// Of the sample that is furthest, and what that will be when all are done. Samples that began from different
  /// places (renderer::resume()) or at different times (join()) stand at their own steps.
  virtual int steps_total() const = 0;
  virtual int steps_done() const = 0;
  virtual int steps_done_of(std::size_t sample) const {
    static_cast<void>(sample);
    return steps_done();
  }

  /// One denoise step of all samples still in the batch and not done.
  virtual void step() = 0;

  /// Takes a sample out between two steps; it costs nothing from then on.
  virtual void drop(std::size_t sample) = 0;

  /// Everything that the rest of the run depends on besides model and jobs, between any two steps and after the last:
  /// renderer::resume() goes on with it elsewhere. Throws render_error(unsupported) where there is nothing to save.
  virtual blob save() const { throw render_error{errc::unsupported, "this model's runs cannot be saved"}; }

  /// What it has had to do so far with experts that take turns on the device. All zero: none do.
  virtual expert_use experts() const { return {}; }

  /// What each stage took so far, beside what was foretold. Empty: not measured.
  virtual std::vector<stage_cost> costs() const { return {}; }

  /// After the sample's last step: decodes and encodes it. `tick` is called after each decoded piece (liveness).
  virtual rendered finish(std::size_t sample, const std::function<void()>& tick) = 0;
};

class renderer {
public:
  virtual ~renderer() = default;

  /// All jobs agree in their batch_key. Throws render_error(unsupported) for a shape the model cannot make.
  virtual std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) = 0;

  /// Goes on where saved batches stood: the same videos as without the break. saved[i] is of a batch that jobs[i] was
  /// in, with the parameters that it had; empty: that job begins from the start. Jobs of one saved batch give the same
  /// blob; who was in it besides is dropped. prepare() comes next, as after begin(). Throws render_error: corrupt for
  /// bytes that no batch saved, unsupported for another version or another checkpoint's, invalid_argument for jobs that
  /// were not in it.
  virtual std::unique_ptr<render_batch> resume(std::vector<run_job> jobs, const std::vector<blob>& saved) {
    static_cast<void>(jobs), static_cast<void>(saved);
    throw render_error{errc::unsupported, "this model's runs cannot be saved"};
  }
  std::unique_ptr<render_batch> resume(std::vector<run_job> jobs, const blob& saved) {
    if (saved.empty()) throw render_error{errc::corrupt, "a saved run without bytes"};
    auto count = jobs.size();
    return resume(std::move(jobs), std::vector<blob>(count, saved));
  }

  /// What a batch of such jobs would take, by stage. Empty: not known.
  virtual std::vector<stage_cost> predict(const render_params& params, std::size_t jobs) const {
    static_cast<void>(params), static_cast<void>(jobs);
    return {};
  }

  /// Whether its batches can be saved and resumed, here and in another process.
  virtual bool can_resume() const { return false; }

  /// An empty inference, at most one denoise step of the smallest shape: keeps the device's clocks up and its caches
  /// and pools filled while there is no work. Only between batches. Throws render_error.
  virtual void keep_warm() {}

  /// Whether its batches would need less memory of the device after keep_lean(true).
  virtual bool can_be_leaner() const { return false; }

  /// Low-memory mode: as little of the model on the device as it can be computed with, however slowly; false: as it was
  /// loaded first. Loads the model anew, only between batches. Throws render_error; then begin() does too until another
  /// call succeeds.
  virtual void keep_lean(bool lean) { static_cast<void>(lean); }

  virtual std::string device() const = 0;         ///< "cpu", "NVIDIA H100", ...
  virtual std::uint64_t memory_bytes() const = 0; ///< of the device, for batches; 0: unknown
  virtual std::uint64_t take_peak_bytes() = 0;    ///< highest use since the last call; 0: unknown
  /// At this moment; 0: unknown. Any thread, also while a batch is computed.
  virtual std::uint64_t used_bytes() const { return 0; }
};

/// What a renderer is made from (a [[model]] entry of the configuration).
struct renderer_options {
  model_id model;
  std::string kind;               ///< "wan" or "null"
  std::string checkpoint;         ///< folder
  std::string device;             ///< "cpu", "cuda", "cuda:1"; empty: the best there is
  int threads = 0;                ///< compute threads on a CPU; 0: all
  std::size_t artifact_bytes = 0; ///< null model only: size of the file it makes; 0: none
  std::string fail_file;          ///< null model only: while this file is there, its batches fail; empty: never

  // Of the Wan model alone:
  std::string precision = "auto"; ///< of large products: "float32", "bf16"; "auto": bf16 on a GPU, float32 on a CPU
  std::string experts = "both";   ///< on the device at once: "both", "one" (they take turns), "streamed" (by block)
  bool drop_text_encoder = false; ///< free its memory while nothing is encoded
  std::uint64_t memory_bytes = 0; ///< that tensors may take of the device; 0: nine tenths of what there is
};

/// Loads and checks the model. Throws render_error with the file, what was expected and what was found.
std::unique_ptr<renderer> make_renderer(const renderer_options& options);

} // namespace reel
