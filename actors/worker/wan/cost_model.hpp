// cost_model.hpp: How much memory and time a batch will take, by stage: the formulas of specification section 9 for
// what this code does (time embedding per sample, texts once, attention without a score matrix), corrected by what the
// worker has measured of its own batches.
//
// Bytes are what tensors take at the highest moment of a stage, weights that are tensors included; the largest terms
// are exact for float32 on a CPU, where the tests hold them to 10 %. Before the first measurement the rate is that of a
// matrix product at start.
//
// Values. One thread.
#pragma once

#include <array>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/job_check.hpp"

namespace reel::wan {

/// What decides a batch's cost.
struct batch_shape {
  latent_shape latent;
  std::int64_t samples = 1;
  std::int64_t steps = 1;
  bool is_guided = true;
  std::int64_t prompt_tokens = 1; ///< of the longest text
  std::int64_t rows_max = 0;      ///< of one forward pass; 0: all
  bool operator==(const batch_shape&) const = default;
};

/// Of one stage: operations (a multiplication and an addition are two) and bytes beyond what is there before it.
struct stage_work {
  double flop = 0;
  double bytes = 0;
};

stage_work encoding_work(const model_config& c, const batch_shape& b);
stage_work denoising_work(const model_config& c, const batch_shape& b);
stage_work decoding_work(const model_config& c, const batch_shape& b); ///< of one sample at a time

/// One row of one forward pass, texts already prepared.
double forward_flop(const dit_config& c, std::int64_t tokens);
/// What an expert makes of one text, once.
double text_flop(const dit_config& c);

class cost_model {
public:
  /// flop_per_s: of a large matrix product on the device.
  cost_model(const model_config& c, double flop_per_s);

  /// baseline_bytes: used before the batch begins.
  std::vector<stage_cost> predict(const batch_shape& b, std::uint64_t baseline_bytes) const;

  /// measured: figures of one stage of a batch of this shape.
  void learn(const batch_shape& b, std::uint64_t baseline_bytes, const stage_cost& measured);

private:
  struct correction {
    double bytes = 1; ///< measured by foretold
    double flop_per_s = 0;
    bool is_measured = false;
  };
  stage_work work(run_phase stage, const batch_shape& b) const;
  static std::size_t index_of(run_phase stage);

  model_config config_;
  std::array<correction, 3> corrections_; ///< encoding, denoising, decoding
};

} // namespace reel::wan
