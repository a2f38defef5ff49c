// dit.hpp: One expert: the diffusion transformer that looks at noisy latents, a noise level and a text, and
// predicts the velocity from video to noise (specification section 3).
//
// A forward takes rows: a row is one latent with one text at one level, so a sample with guidance is two
// rows, and rows of different jobs, prompts, text lengths and levels share a pass. All rows have one latent
// shape. A row's result is bit for bit what it is alone (CPU; linear.hpp says how).
//
// Immutable after loading. Keys as in the reference (section 2.1). Shapes: R rows, S tokens, D dim, H heads.
#pragma once

#include <span>
#include <vector>

#include "actors/worker/wan/layers.hpp"
#include "actors/worker/wan/linear.hpp"
#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/probe.hpp"
#include "actors/worker/wan/rope.hpp"

namespace reel::wan {

/// A text as this expert's cross attention sees it; computed once per prompt and expert.
struct dit_text {
  std::vector<keys_values> layers;
};

struct dit_row {
  double timestep = 0;
  const dit_text* text = nullptr;
};

class dit {
public:
  dit(const dit_config& config, const weights& w);

  /// context [1 to text_len, text_dim]. Padded with zero rows to text_len, which are attended to like the
  /// others.
  dit_text prepare_text(const at::Tensor& context, const probe& see = {}) const;

  /// latents [R, in_dim, T, height, width], float32; `rope` of the latent's token grid. Returns velocities of
  /// the same shape, float32.
  at::Tensor forward(const at::Tensor& latents, std::span<const dit_row> rows, const at::Tensor& rope,
                     const probe& see = {}) const;

  /// Tells one training from another: FNV-1a of the last layer's numbers.
  std::uint64_t fingerprint() const;

  /// Tokens of a latent [.., T, height, width].
  token_grid grid_of(const at::Tensor& latents) const;

private:
  struct attention {
    linear q, k, v, o;         ///< D -> D
    at::Tensor norm_q, norm_k; ///< [D]: over all heads together
  };
  struct block {
    at::Tensor modulation; ///< [1, 6, D]
    attention self, cross;
    at::Tensor norm3_weight, norm3_bias; ///< [D]
    linear ffn_in, ffn_out;
  };
  struct time_vectors {
    at::Tensor head;   ///< [R, 1, D]
    at::Tensor blocks; ///< [R, 6, D]
  };

  attention load_attention(const weights& w, const std::string& name) const;
  at::Tensor patchify(const at::Tensor& latents) const;
  at::Tensor unpatchify(const at::Tensor& tokens, const token_grid& grid) const;
  time_vectors embed_time(std::span<const dit_row> rows, const probe& see) const;
  void run_block(std::size_t index, at::Tensor& x, const at::Tensor& time, std::span<const dit_row> rows,
                 const at::Tensor& rope, const probe& see) const;
  at::Tensor self_attention(const attention& a, at::Tensor x, const at::Tensor& rope, const probe& see) const;
  at::Tensor cross_attention(std::size_t index, at::Tensor x, std::span<const dit_row> rows) const;

  dit_config config_;
  linear patch_embedding_;    ///< in_dim x patch volume -> D
  linear text_in_, text_out_; ///< text_dim -> D -> D
  linear time_in_, time_out_; ///< freq_dim -> D -> D
  linear time_projection_;    ///< D -> 6 D
  std::vector<block> blocks_;
  at::Tensor head_modulation_; ///< [1, 2, D]
  linear head_;                ///< D -> patch volume x out_dim
};

/// [cos | sin] of timestep x 10000^(-j / half), j below half = size / 2; float32 [1, size].
at::Tensor timestep_sinusoid(double timestep, std::int64_t size);

} // namespace reel::wan
