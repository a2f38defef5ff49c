// dit.hpp: One expert: the diffusion transformer that looks at noisy latents, a noise level and a text, and
// predicts the velocity from video to noise (specification section 3).
//
// A forward takes rows: a row is one latent with one text at one level, so a sample with guidance is two
// rows, and rows of different jobs, prompts, text lengths and levels share a pass. All rows have one latent
// shape. A row's result is bit for bit what it is alone (CPU; linear.hpp says how).
//
// Weights come and go with load() and unload(), or pass through block by block (residency.hpp); results do not depend
// on it. Otherwise immutable. One thread computes. Keys as in the reference (section 2.1). With bf16 products the rest
// is float32 as in the reference: time embedding, modulation, statistics of the norms, residual stream, rotation, head.
// Shapes: R rows, S tokens, D dim, H heads.
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <span>
#include <vector>

#include "actors/worker/wan/layers.hpp"
#include "actors/worker/wan/linear.hpp"
#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/probe.hpp"
#include "actors/worker/wan/residency.hpp"
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
  /// Checks that all tensors are there; loads them unless experts take turns. Throws what weights::get() throws.
  dit(const dit_config& config, const weights& w, const load_options& options = {});
  dit(const dit&) = delete;
  dit& operator=(const dit&) = delete;

  /// Brings the weights to the device, if they are not there; whoever computes does so first by itself.
  void load() const;
  void unload() const;
  bool is_loaded() const { return loaded_.has_value(); }
  std::uint32_t loads() const { return loads_; }                    ///< so far
  std::chrono::nanoseconds load_time() const { return load_time_; } ///< that they took

  /// context [1 to text_len, text_dim]. Padded with zero rows to text_len, which are attended to like the
  /// others.
  dit_text prepare_text(const at::Tensor& context, const probe& see = {}) const;

  /// Many at once.
  std::vector<dit_text> prepare_texts(const std::vector<at::Tensor>& contexts, const probe& see = {}) const;

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
    at::Tensor modulation; ///< [1, 6, D], float32
    attention self, cross;
    at::Tensor norm3_weight, norm3_bias; ///< [D]
    linear ffn_in, ffn_out;
  };
  struct time_vectors {
    at::Tensor head;   ///< [R, 1, D]
    at::Tensor blocks; ///< [R, 6, D]
  };

  /// What surrounds the blocks, and the blocks, unless they are streamed.
  struct tensors {
    linear patch_embedding;     ///< in_dim x patch volume -> D
    linear text_in, text_out;   ///< text_dim -> D -> D
    linear time_in, time_out;   ///< freq_dim -> D -> D, float32
    linear time_projection;     ///< D -> 6 D, float32
    at::Tensor head_modulation; ///< [1, 2, D], float32
    linear head;                ///< D -> patch volume x out_dim, float32
    std::vector<block> blocks;
  };

  attention load_attention(const std::string& name) const;
  block load_block(std::int64_t index) const;
  static std::vector<at::Tensor> tensors_of(const block& b);
  const tensors& now() const;
  /// Valid until the next call.
  const block& block_at(std::int64_t index) const;
  void bring(std::int64_t index) const;

  at::Tensor patchify(const at::Tensor& latents) const;
  at::Tensor unpatchify(const at::Tensor& tokens, const token_grid& grid) const;
  time_vectors embed_time(std::span<const dit_row> rows, const probe& see) const;
  void run_block(std::int64_t index, at::Tensor& x, const at::Tensor& time, std::span<const dit_row> rows,
                 const at::Tensor& rope, const probe& see) const;
  at::Tensor self_attention(const attention& a, at::Tensor x, const at::Tensor& rope, const probe& see) const;
  at::Tensor cross_attention(const attention& a, std::int64_t index, at::Tensor x, std::span<const dit_row> rows) const;

  dit_config config_;
  weights products_, exact_; ///< the same files; in the products' type, in float32
  residency residency_;
  // Weights are a cache of the files: bringing them is no change.
  mutable std::optional<tensors> loaded_;
  mutable std::uint32_t loads_ = 0;
  mutable std::chrono::nanoseconds load_time_{0};
  mutable std::int64_t streamed_index_ = -1;
  mutable block streamed_;          ///< number streamed_index_
  mutable std::future<block> next_; ///< the one after it
};

/// [cos | sin] of timestep x 10000^(-j / half), j below half = size / 2; float32 [1, size].
at::Tensor timestep_sinusoid(double timestep, std::int64_t size);

} // namespace reel::wan
