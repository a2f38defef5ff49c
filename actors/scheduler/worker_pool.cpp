#include "actors/scheduler/worker_pool.hpp"

namespace reel {

void worker_pool::put(worker_slot& w, bool idle, std::optional<instant> prefetch, instant now) {
  if (!idle && !w.idle && w.prefetch == prefetch) return; // as at most steps of a batch
  remove(w);
  w.idle = idle;
  w.prefetch = idle ? std::nullopt : prefetch;
  if (w.prefetch) prefetch_.emplace(std::pair{*w.prefetch, w.status.id}, &w);
  if (!idle) return;
  w.avoided = w.avoid_until > now;
  if (w.avoided) avoided_.emplace(std::pair{w.avoid_until, w.status.id}, &w);
  kinds_[w.kind][{w.warm, w.resident}].emplace(order_of(w), &w);
}

void worker_pool::remove(worker_slot& w) {
  if (w.prefetch) prefetch_.erase({*w.prefetch, w.status.id});
  w.prefetch.reset();
  if (!w.idle) return;
  auto kind = kinds_.find(w.kind);
  auto set = kind->second.find({w.warm, w.resident});
  set->second.erase(order_of(w));
  if (set->second.empty()) kind->second.erase(set);
  if (kind->second.empty()) kinds_.erase(kind);
  if (w.avoided) avoided_.erase({w.avoid_until, w.status.id});
  w.idle = w.avoided = false;
}

void worker_pool::refresh(instant now) {
  while (!avoided_.empty() && avoided_.begin()->first.first <= now) {
    auto& w = *avoided_.begin()->second;
    put(w, true, {}, now);
  }
}

std::vector<worker_kind> worker_pool::idle_kinds() const {
  std::vector<worker_kind> all;
  for (const auto& [kind, sets] : kinds_) all.push_back(kind);
  return all;
}

worker_slot* worker_pool::next(const worker_kind& kind, const model_id& model, expert needed, bool warm_matters) const {
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) return nullptr;
  auto& sets = found->second;
  auto first_of = [&](auto from, auto to) {
    const idle_set::value_type* best = nullptr;
    for (; from != to; ++from)
      if (auto& first = *from->second.begin(); !best || first.first < best->first) best = &first;
    return best ? best->second : nullptr;
  };
  if (auto exact = sets.find({model, needed}); needed != expert::none && exact != sets.end())
    if (auto* w = exact->second.begin()->second; !w->avoided) return w;
  if (warm_matters)
    if (auto* w = first_of(sets.lower_bound({model, expert::none}), sets.upper_bound({model, expert::low_noise})))
      if (!w->avoided) return w;
  return first_of(sets.begin(), sets.end());
}

std::size_t worker_pool::idle_with(const model_id& model, expert e) const {
  std::size_t count = 0;
  for (const auto& [kind, sets] : kinds_)
    if (auto found = sets.find({model, e}); found != sets.end()) count += found->second.size();
  return count;
}

std::vector<worker_slot*> worker_pool::due(instant now) const {
  std::vector<worker_slot*> all;
  for (const auto& [at, w] : prefetch_) {
    if (at.first > now) break;
    all.push_back(w);
  }
  return all;
}

std::optional<instant> worker_pool::next_due(instant now) const {
  for (const auto& [at, w] : prefetch_)
    if (at.first > now) return at.first;
  return {};
}

} // namespace reel
