// generation.hpp: One batch through the model: encode the texts, denoise step by step (specification section
// 8). Decoding is vae_stream's work, per sample, when its last step is done.
//
// Each sample has its own prompt, negative prompt, guidance, noise and schedule, and stands at its own step: it may
// join, and leave, between any two steps. Its result does not depend on the others. A step takes every sample that is
// not done one further: samples that one expert serves, with latents of one shape, go through one forward pass, each
// with its prompt's row and, where its guidance is not 1, the negative prompt's.
//
// One thread, inside a compute_scope.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "actors/worker/wan/model.hpp"
#include "actors/worker/wan/sampler.hpp"
#include "actors/worker/wan/text_cache.hpp"

namespace reel::wan {

struct sample_request {
  token_ids prompt, negative;                ///< 1 to text_len of them
  float guidance_high = 1, guidance_low = 1; ///< scale per expert; 1: the negative prompt is not used
  at::Tensor noise;                          ///< [channels, T, h, w], float32, on the model's device
};

/// Where a sample stands between two steps; all that its rest depends on besides its request.
struct sample_state {
  std::size_t step = 0; ///< steps done
  sampler_state tensors;
};

class generation {
public:
  /// texts: outlives this; none: its own.
  generation(const model& m, std::vector<schedule_step> schedule, std::vector<sample_request> samples,
             text_cache* texts = nullptr);
  generation(const generation&) = delete;
  generation& operator=(const generation&) = delete;

  /// Another sample, from its first step on. Returns its number.
  std::size_t join(sample_request request, std::vector<schedule_step> schedule);

  /// Encodes the texts of all who have joined; before the first step and after each join.
  void prepare();

  std::size_t steps_total() const { return total_; } ///< steps_done() when all who are in will be done
  std::size_t steps_done() const { return done_; }   ///< calls of step()

  /// One denoise step of all samples that are in and not done. Throws std::logic_error when there is no such step.
  void step(const probe& see = {});

  void drop(std::size_t sample);

  /// Rows that one forward pass takes at most: bounds the memory of a step. 0: all.
  void limit_rows(std::size_t rows) { rows_max_ = rows; }

  /// [channels, T, h, w], normalised; of a sample that is still in.
  const at::Tensor& latent(std::size_t sample) const { return samples_.at(sample)->state.latent(); }
  bool is_in(std::size_t sample) const { return samples_.at(sample).has_value(); }
  bool is_done(std::size_t sample) const;

  sample_state state(std::size_t sample) const; ///< of a sample that is in
  void restore(std::size_t sample, sample_state state);

private:
  struct sample {
    token_ids prompt, negative;
    float guidance_high, guidance_low;
    std::shared_ptr<const std::vector<schedule_step>> schedule;
    sampler state;
    std::size_t step = 0;
    std::shared_ptr<text_cache::text> prompt_text, negative_text; ///< from prepare() on

    const schedule_step& now() const { return (*schedule)[step]; }
    bool is_guided() const { return guidance_high != 1 || guidance_low != 1; }
    at::Tensor velocity, unguided; ///< of the present step
  };
  /// One forward pass on its way: the same expert, the same shape.
  struct pass {
    const dit* expert;
    std::vector<double> timesteps;
    std::vector<text_cache::text*> texts;
    std::vector<at::Tensor> latents;
    std::vector<at::Tensor*> results;
  };

  float guidance_now(const sample& s) const;
  const dit& expert_now(const sample& s) const;
  std::size_t add(sample_request request, std::shared_ptr<const std::vector<schedule_step>> schedule);
  std::vector<pass> plan_step();
  void add_rows(std::vector<pass>& passes, sample& s);
  void run(pass& p);
  void advance(sample& s, const probe& see);
  const at::Tensor& rope_for(const token_grid& grid);

  const model& model_;
  std::optional<text_cache> own_texts_;
  text_cache& texts_;
  std::vector<std::optional<sample>> samples_; ///< empty: dropped
  std::size_t done_ = 0, total_ = 0, rows_max_ = 0;
  std::vector<std::pair<token_grid, at::Tensor>> ropes_; ///< as many as there are shapes in the batch
};

} // namespace reel::wan
