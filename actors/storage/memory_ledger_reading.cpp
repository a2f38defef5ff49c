// The part of the memory ledger that is asked.
#include "actors/storage/memory_ledger.hpp"

#include <algorithm>
#include <tuple>

#include "messages/waiting.hpp"

namespace reel {

void memory_ledger::read(read_job m, reply_to<job_record> reply) {
  std::unique_lock lock{mutex_};
  auto* e = find(m.tenant, m.id);
  outcome<job_record, errc> result = failed{errc::not_found};
  if (e) result = e->record;
  lock.unlock();
  answer(reply, std::move(result));
}

/// By age.
std::vector<job_id> memory_ledger::ids_in_order() const {
  std::vector<job_id> ids;
  for (const auto& [id, e] : jobs_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

void memory_ledger::list(list_jobs m, reply_to<job_page> reply) {
  std::unique_lock lock{mutex_};
  std::vector<const entry*> wanted;
  for (const auto& id : ids_in_order()) {
    const auto& e = jobs_.at(id);
    if (e.hidden || (!m.tenant.value.empty() && e.record.request.tenant != m.tenant)) continue;
    if (!m.after || (m.ascending ? *m.after < id : id < *m.after)) wanted.push_back(&e);
  }
  if (!m.ascending) std::reverse(wanted.begin(), wanted.end());
  const std::size_t limit = std::clamp(m.limit, 1u, 100u);
  job_page page;
  page.has_more = wanted.size() > limit;
  for (std::size_t i = 0; i < std::min(limit, wanted.size()); ++i) page.jobs.push_back(wanted[i]->record);
  lock.unlock();
  answer(reply, {std::move(page)});
}

void memory_ledger::unfinished(unfinished_jobs m, reply_to<unfinished_page> reply) {
  std::unique_lock lock{mutex_};
  const std::size_t limit = std::clamp(m.limit, 1u, 1000u);
  unfinished_page page;
  const auto& ids = unfinished_ids_;
  for (auto it = m.after ? ids.upper_bound(*m.after) : ids.begin(); it != ids.end(); ++it) {
    const auto& e = jobs_.at(*it);
    const auto& r = e.record;
    if (page.jobs.size() == limit) {
      page.has_more = true;
      break;
    }
    auto w = waiting_job_of(r, false);
    if (r.state != job_state::leased) {
      w.batch = {};
      w.worker = {};
    }
    w.saved_steps = e.saved.steps;
    page.jobs.push_back(std::move(w));
  }
  lock.unlock();
  answer(reply, {std::move(page)});
}

void memory_ledger::referenced(std::vector<object_key_parts> objects, reply_to<std::vector<bool>> reply) {
  std::unique_lock lock{mutex_};
  std::vector<bool> all;
  for (const auto& object : objects) all.push_back(is_referenced(object));
  lock.unlock();
  answer(reply, {std::move(all)});
}

bool memory_ledger::is_referenced(const object_key_parts& object) const {
  auto found = jobs_.find(object.job);
  if (found == jobs_.end()) return true;
  const auto& r = found->second.record;
  if (r.request.tenant != object.tenant) return false;
  const bool this_generation = r.generation == object.generation;
  if (r.state == job_state::leased && this_generation && r.fence == object.fence && !r.cancel_requested) return true;
  if (object.kind == artifact::saved_run) return is_of_saved_run(object);
  if (r.state == job_state::leased || !this_generation) return false;
  const auto& kept = object.kind == artifact::video ? r.video : r.thumbnail;
  return r.state == job_state::succeeded && !found->second.hidden && r.committed_fence == object.fence &&
         kept.sha256 == object.sha256;
}

bool memory_ledger::is_of_saved_run(const object_key_parts& object) const {
  return std::ranges::any_of(saved_keys_, [&object](const auto& one) {
    auto key = parse_object_key(one.first);
    return key && std::tie(key->tenant, key->job, key->generation, key->fence) ==
                      std::tie(object.tenant, object.job, object.generation, object.fence);
  });
}

} // namespace reel
