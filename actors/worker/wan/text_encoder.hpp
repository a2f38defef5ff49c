// text_encoder.hpp: The umT5 encoder: token ids to one vector per token (specification section 4). Each
// prompt alone and only its real tokens: padding does not change the rows of real tokens, so it would be work
// for nothing.
//
// Immutable after loading. Keys as in the reference (section 2.2). Throws what weights::get() throws.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "actors/worker/wan/linear.hpp"
#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/probe.hpp"

namespace reel::wan {

/// Which of `buckets` learned biases serves a key at `distance` = key - query: exact for near ones,
/// logarithmic beyond.
std::int64_t relative_bucket(std::int64_t distance, std::int64_t buckets, std::int64_t distance_max);

class text_encoder {
public:
  /// Checks that all tensors are there; loads them unless they are to be dropped between two uses.
  text_encoder(const text_config& config, const weights& w, bool drops = false);
  text_encoder(const text_encoder&) = delete;
  text_encoder& operator=(const text_encoder&) = delete;

  /// ids: 1 or more, each below the vocabulary's size. Returns [ids, dim]. The last `padding` of them are seen by no
  /// token: for comparing with the reference's rows of padding, which nothing needs.
  at::Tensor encode(std::span<const std::int32_t> ids, const probe& see = {}, std::int64_t padding = 0) const;

  /// Many at once, each alone.
  std::vector<at::Tensor> encode_all(std::span<const std::span<const std::int32_t>> texts, const probe& see = {},
                                     std::int64_t padding = 0) const;

  /// Nothing is to be encoded for a while: weights that drop are let go, and loaded again when they are needed.
  void release() const;
  bool is_loaded() const { return loaded_.has_value(); }

private:
  struct block {
    at::Tensor norm1, norm2; ///< [dim]
    linear q, k, v, o;       ///< dim <-> attention_dim
    linear gate, up, down;   ///< gated feed forward
    at::Tensor bias_table;   ///< [buckets, heads]: every layer has its own
  };

  /// x: the texts one after the other. buckets: of each text [queries, keys]; keys beyond them are not looked at.
  at::Tensor attention(const block& b, const at::Tensor& x, const std::vector<at::Tensor>& buckets) const;
  at::Tensor feed_forward(const block& b, const at::Tensor& x) const;

  struct tensors {
    at::Tensor embedding; ///< [vocabulary, dim]
    std::vector<block> blocks;
    at::Tensor norm; ///< [dim]
  };
  const tensors& now() const;
  tensors load() const;

  text_config config_;
  weights weights_;
  bool drops_;
  mutable std::optional<tensors> loaded_; ///< a cache of the files: bringing it is no change
};

} // namespace reel::wan
