// The part of the worker's actor that stores what running batches have done, and says so. One at a time; one that
// cannot be stored is given up, the next is not far. Its objects are those of a paused batch (add_saved_runs()), under
// the prefix of the first job.
#include <algorithm>

#include "actors/worker/worker.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

bool worker::runs(const batch_id& id) {
  auto found = batches_.find(id);
  return found != batches_.end() && !found->second.ended && !lost_lease(found->second);
}

void worker::on_batch_checkpoint(const batch_checkpoint& m) {
  if (saving_) return;
  checkpoint c{m.run, {}, 0, {}};
  for (const auto& s : m.samples) {
    if (!runs(s.batch)) continue;
    if (c.words.empty() || c.words.back().batch != s.batch) c.words.push_back({s.batch, {}});
    c.words.back().jobs.push_back({s.id, s.fence, {{}, m.run->size_bytes, s.steps}});
  }
  if (c.words.empty()) return;
  const auto& first = c.words.front();
  c.prefix = std::ranges::find(batches_.at(first.batch).run.jobs, first.jobs[0].id, &run_job::id)->object_prefix;
  for (auto& word : c.words)
    for (auto& job : word.jobs) job.saved.key = make_object_key(c.prefix, artifact::saved_run, m.run->list.sha256);
  c.words.front().cost_us =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(m.cost).count());
  saving_ = std::move(c);
  store_checkpoint();
}

/// Part by part: each is about as large as an upload may be. Their list goes last.
void worker::store_checkpoint() {
  const auto& c = *saving_;
  const auto& part = c.stored < c.run->parts.size() ? c.run->parts[c.stored] : c.run->list;
  object_write object{make_object_key(c.prefix, artifact::saved_run, part.sha256), part.sha256, part.data};
  act::ask(
      self_, wiring_.objects, options_.put_deadline, put_objects{{std::move(object)}},
      [this](const put_answer& a) { checkpoint_stored(a.codes.empty() ? errc::internal : a.codes[0]); },
      [this](errc code) { checkpoint_stored(code); });
}

void worker::checkpoint_stored(errc code) {
  std::erase_if(saving_->words, [this](const batch_saved& w) { return !runs(w.batch); });
  if (code != errc::ok) log::warn("checkpoint not stored", {{"bytes", saving_->run->size_bytes}, {"why", code}});
  if (code != errc::ok || saving_->words.empty()) return saving_.reset();
  if (++saving_->stored <= saving_->run->parts.size()) return store_checkpoint();
  for (auto& word : saving_->words) act::tell(self_, wiring_.slot, std::move(word));
  saving_.reset();
}

} // namespace reel
