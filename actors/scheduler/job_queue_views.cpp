// The part of job_queue that answers questions and changes nothing.
#include <span>

#include "actors/scheduler/job_queue.hpp"

namespace reel {

std::size_t job_queue::count(const batch_key& key, bool free_too) const {
  std::size_t total = 0;
  for (const auto& c : classes_)
    if (auto group = c.groups.find(key); group != c.groups.end())
      if (&c != &at(job_class::free) || free_too || is_free_open(key)) total += group->second.waiting;
  return total;
}

void job_queue::for_each_due(const std::function<void(const batch_key&, wall_time, std::size_t)>& visit) const {
  for (const auto& [key, group] : at(job_class::free).groups)
    for (const auto& [step, jobs] : group.dues) visit(*key, wall_time{step * dues_step}, jobs);
}

std::optional<instant> job_queue::next_aged_free(instant now) const {
  const auto& unserved = at(job_class::free).unserved;
  if (unserved.empty()) return {};
  auto aged = unserved.begin()->first.first + options_.age_after[static_cast<std::size_t>(job_class::free)];
  return aged > now ? std::optional{aged} : std::nullopt;
}

std::optional<job_id> job_queue::oldest(const batch_key& key) const {
  constexpr std::size_t lanes_most = 16; // of thousands of tenants, these are the ones that matter next
  std::optional<job_id> oldest;
  for (const auto& c : classes_) {
    auto group = c.groups.find(key);
    if (group == c.groups.end()) continue;
    std::size_t seen = 0;
    for (const auto& [rank, l] : group->second.order) {
      if (++seen > lanes_most) break;
      if (auto id = l->jobs.first().id; !oldest || id < *oldest) oldest = id;
    }
  }
  return oldest;
}

std::size_t job_queue::position(const job_id& id) const {
  auto found = jobs_.find(id);
  if (!found || found->not_before != wall_time{}) return 0;
  const auto& own = *found->at->owner;
  std::size_t own_ahead = 0;
  for (const auto& [key, l] : own.lanes) own_ahead += l->jobs.rank(turn_of(id, *found));
  auto ahead = own_ahead;
  for (std::size_t c = 0; c < static_cast<std::size_t>(own.cls); ++c) ahead += classes_[c].waiting;
  auto turns = static_cast<double>(own_ahead + 1) / own.weight;
  for (const auto& [tenant, a] : at(own.cls).accounts)
    if (&a != &own) ahead += std::min(a.waiting, static_cast<std::size_t>(turns * a.weight));
  return ahead + 1;
}

std::size_t job_queue::waiting(job_class c, const tenant_id& tenant) const {
  auto found = at(c).accounts.find(tenant);
  return found == at(c).accounts.end() ? 0 : found->second.waiting;
}

std::vector<std::pair<key_ptr, std::size_t>> job_queue::waiting_by_key(job_class c) const {
  std::vector<std::pair<key_ptr, std::size_t>> all;
  for (const auto& [key, group] : at(c).groups)
    if (group.waiting != 0 && group.linked) all.emplace_back(key, group.waiting);
  return all;
}

std::vector<tenant_backlog> job_queue::backlogs(std::size_t most) const {
  std::vector<tenant_backlog> all;
  for (const auto& c : classes_) {
    std::vector<const account*> waiting;
    for (const auto& [tenant, a] : c.accounts)
      if (a.waiting > 0 && !a.paused) waiting.push_back(&a);
    auto next = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(most - all.size(), waiting.size()));
    std::ranges::partial_sort(waiting, next, {}, &account::start);
    for (const auto* a : std::span{waiting.begin(), next}) {
      std::optional<turn> first;
      for (const auto& [key, l] : a->lanes)
        if (!l->jobs.empty() && (!first || l->jobs.first() < *first)) first = l->jobs.first();
      all.push_back({a->tenant, a->cls, a->waiting, position(first->id)});
    }
  }
  return all;
}

double job_queue::virtual_start(job_class c, const tenant_id& tenant) const {
  auto found = at(c).accounts.find(tenant);
  return found == at(c).accounts.end() ? 0 : found->second.start;
}

} // namespace reel
