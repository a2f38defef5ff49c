#include "actors/scheduler/job_queue.hpp"

namespace reel {

bool job_queue::add(const waiting_job& job) {
  queue_entry entry{job.id, job.cls, share(job.key), job.generation, job.fence, job.attempts_used};
  return add(entry, job.not_before);
}

bool job_queue::add(const queue_entry& entry, std::optional<wall_time> not_before) {
  auto [at, inserted] = jobs_.try_emplace(entry.id, place{entry, not_before});
  if (!inserted) return false;
  if (not_before)
    delayed_.emplace(*not_before, entry.id);
  else
    enqueue(entry);
  return true;
}

bool job_queue::remove(const job_id& id) {
  auto found = jobs_.find(id);
  if (found == jobs_.end()) return false;
  const auto& at = found->second;
  if (at.not_before)
    delayed_.erase({*at.not_before, id});
  else
    dequeue(at.entry);
  jobs_.erase(found);
  return true;
}

std::optional<wall_time> job_queue::release(wall_time now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    auto& at = jobs_.at(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
    at.not_before.reset();
    enqueue(at.entry);
  }
  if (delayed_.empty()) return {};
  return delayed_.begin()->first;
}

key_ptr job_queue::front(const std::function<bool(const batch_key&)>& served) const {
  for (const auto& groups_of_class : by_key_) {
    const groups::value_type* best = nullptr;
    for (const auto& group : groups_of_class)
      if (served(*group.first) && (!best || *group.second.begin() < *best->second.begin())) best = &group;
    if (best) return best->first;
  }
  return {};
}

std::vector<queue_entry> job_queue::take(const batch_key& key, std::size_t most) {
  std::vector<queue_entry> taken;
  for (auto& groups_of_class : by_key_) {
    auto group = groups_of_class.find(key);
    std::size_t here = group == groups_of_class.end() ? 0 : group->second.size();
    for (; here > 0 && taken.size() < most; --here) {
      auto id = *group->second.begin();
      taken.push_back(jobs_.at(id).entry);
      remove(id); // ends the group with its last job
    }
  }
  return taken;
}

std::size_t job_queue::count(const batch_key& key) const {
  std::size_t total = 0;
  for (const auto& groups_of_class : by_key_)
    if (auto group = groups_of_class.find(key); group != groups_of_class.end()) total += group->second.size();
  return total;
}

std::optional<job_id> job_queue::oldest(const batch_key& key) const {
  std::optional<job_id> oldest;
  for (const auto& groups_of_class : by_key_) {
    auto group = groups_of_class.find(key);
    if (group == groups_of_class.end()) continue;
    if (!oldest || *group->second.begin() < *oldest) oldest = *group->second.begin();
  }
  return oldest;
}

std::size_t job_queue::position(const job_id& id) const {
  auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.not_before) return 0;
  auto own = static_cast<std::size_t>(found->second.entry.cls);
  std::size_t ahead = order_[own].order_of_key(id);
  for (std::size_t c = 0; c < own; ++c) ahead += order_[c].size();
  return ahead + 1;
}

key_ptr job_queue::share(const batch_key& key) const {
  for (const auto& groups_of_class : by_key_)
    if (auto group = groups_of_class.find(key); group != groups_of_class.end()) return group->first;
  return std::make_shared<const batch_key>(key);
}

void job_queue::enqueue(const queue_entry& entry) {
  auto c = static_cast<std::size_t>(entry.cls);
  order_[c].insert(entry.id);
  by_key_[c][entry.key].insert(entry.id);
}

void job_queue::dequeue(const queue_entry& entry) {
  auto c = static_cast<std::size_t>(entry.cls);
  order_[c].erase(entry.id);
  auto group = by_key_[c].find(*entry.key);
  group->second.erase(entry.id);
  if (group->second.empty()) by_key_[c].erase(group);
}

} // namespace reel
