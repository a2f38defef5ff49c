// text_cache.hpp: What the model made of texts, so that nothing is computed twice: a text's encoding once however many
// samples share it, and each expert's view of it (cross attention's keys and values, of every layer) once per expert.
//
// A text lives as long as someone holds it. Negative prompts, which nearly all jobs of a worker share, are kept beyond
// their batch: the last few of them. Of all others the encoding alone is kept, the same bits, while there is room for
// it: the final of a preview comes soon after it.
//
// One per worker, beside its model, which outlives it. One thread, inside a compute_scope.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "actors/worker/wan/model.hpp"

namespace reel::wan {

using token_ids = std::vector<std::int32_t>;

class text_cache {
public:
  explicit text_cache(const model& m) : model_{m} {}
  text_cache(const text_cache&) = delete;
  text_cache& operator=(const text_cache&) = delete;

  class text {
  public:
    explicit text(at::Tensor context) : context_{std::move(context)} {}

    const dit_text& seen_by(const dit& expert);

    /// The expert is done with it. Kept texts stay.
    void release(const dit& expert);

  private:
    friend class text_cache;
    at::Tensor context_; ///< [tokens, text_dim]
    std::map<const dit*, dit_text> views_;
    bool is_kept_ = false;
  };

  /// Encodes it unless it is there. keep: it is a negative prompt.
  std::shared_ptr<text> get(const token_ids& ids, bool keep);

  /// Lets go of everything that no one else holds.
  void clear();

  std::size_t encodings() const { return encodings_; } ///< so far
  std::size_t reused() const { return reused_; }       ///< so far: encodings taken from an earlier batch

private:
  static constexpr std::size_t kept_max = 2; ///< both languages' defaults; each may be some hundred megabytes
  /// Of the device: eight of the reference model's longest encodings (512 x 4096 floats), some fifty usual ones.
  static constexpr std::size_t encoded_bytes_max = 64u << 20;
  static constexpr std::size_t encoded_max = 256; ///< looked through one by one

  at::Tensor encoded(const token_ids& ids);

  const model& model_;
  std::map<token_ids, std::weak_ptr<text>> texts_;
  std::deque<std::shared_ptr<text>> kept_;               ///< the latest first
  std::deque<std::pair<token_ids, at::Tensor>> encoded_; ///< the latest first
  std::size_t encoded_bytes_ = 0;
  std::size_t encodings_ = 0, reused_ = 0;
};

} // namespace reel::wan
