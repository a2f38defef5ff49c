#include "actors/worker/wan/text_cache.hpp"

#include <algorithm>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

const dit_text& text_cache::text::seen_by(const dit& expert) {
  auto found = views_.find(&expert);
  if (found == views_.end()) found = views_.emplace(&expert, expert.prepare_text(context_)).first;
  return found->second;
}

void text_cache::text::release(const dit& expert) {
  if (!is_kept_) views_.erase(&expert);
}

std::shared_ptr<text_cache::text> text_cache::get(const token_ids& ids, bool keep) {
  std::erase_if(texts_, [](auto& entry) { return entry.second.expired(); });
  auto found = texts_[ids].lock();
  if (!found) {
    found = std::make_shared<text>(encoded(ids));
    texts_[ids] = found;
  }
  if (!keep) return found;
  std::erase(kept_, found);
  found->is_kept_ = true;
  kept_.push_front(found);
  if (kept_.size() > kept_max) {
    kept_.back()->is_kept_ = false;
    kept_.pop_back();
  }
  return found;
}

at::Tensor text_cache::encoded(const token_ids& ids) {
  auto known = std::ranges::find(encoded_, ids, &std::pair<token_ids, at::Tensor>::first);
  if (known != encoded_.end()) {
    std::rotate(encoded_.begin(), known, known + 1);
    ++reused_;
    return encoded_.front().second;
  }
  encoded_.emplace_front(ids, model_.text.encode(ids));
  ++encodings_;
  encoded_bytes_ += encoded_.front().second.nbytes();
  auto made = encoded_.front().second;
  for (; !encoded_.empty() && (encoded_bytes_ > encoded_bytes_max || encoded_.size() > encoded_max);
       encoded_.pop_back())
    encoded_bytes_ -= encoded_.back().second.nbytes();
  return made;
}

void text_cache::clear() {
  for (auto& t : kept_) t->is_kept_ = false;
  kept_.clear();
  encoded_.clear();
  encoded_bytes_ = 0;
}

} // namespace reel::wan
