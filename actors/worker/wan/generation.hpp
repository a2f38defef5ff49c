// generation.hpp: One batch through the model: encode the texts, denoise step by step (specification section
// 8). Decoding is vae_stream's work, per sample, when the last step is done.
//
// Each sample has its own prompt, negative prompt, guidance, noise. Its result does not depend on the others,
// so a sample can leave between two steps. All rows of a step go through one forward pass: per sample the
// prompt's and, where its guidance is not 1, the negative prompt's.
//
// One thread, inside a compute_scope. A text that several samples share is encoded once; an expert's view of
// the texts is made when the expert first serves and dropped with it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "actors/worker/wan/model.hpp"
#include "actors/worker/wan/sampler.hpp"

namespace reel::wan {

struct sample_request {
  std::vector<std::int32_t> prompt, negative; ///< token ids, 1 to text_len of them
  float guidance_high = 1, guidance_low = 1;  ///< scale per expert; 1: the negative prompt is not used
  at::Tensor noise;                           ///< [channels, T, h, w], float32, on the model's device
};

class generation {
public:
  generation(const model& m, std::vector<schedule_step> schedule, std::vector<sample_request> samples);
  generation(const generation&) = delete;
  generation& operator=(const generation&) = delete;

  /// Encodes the texts; once, first.
  void prepare();

  std::size_t steps_total() const { return schedule_.size(); }
  std::size_t steps_done() const { return done_; }

  /// One denoise step of all samples that are still in.
  void step(const probe& see = {});

  void drop(std::size_t sample);

  /// [channels, T, h, w], normalised; of a sample that is still in.
  const at::Tensor& latent(std::size_t sample) const { return samples_.at(sample)->state.latent(); }
  bool is_in(std::size_t sample) const { return samples_.at(sample).has_value(); }

private:
  using tokens = std::vector<std::int32_t>;

  struct sample {
    tokens prompt, negative;
    float guidance_high, guidance_low;
    sampler state;
  };

  float guidance_now(const sample& s) const;
  void advance(const std::vector<at::Tensor>& velocities, const probe& see);
  const dit_text& text_for(const dit& expert, const tokens& text);

  const model& model_;
  std::vector<schedule_step> schedule_;
  std::size_t done_ = 0;
  std::vector<std::optional<sample>> samples_; ///< empty: dropped
  std::map<tokens, at::Tensor> contexts_;      ///< [tokens, text_dim]
  std::map<tokens, dit_text> texts_;           ///< as `texts_of_` sees them
  const dit* texts_of_ = nullptr;
  at::Tensor rope_;
};

} // namespace reel::wan
