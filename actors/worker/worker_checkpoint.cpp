// The part of the worker's actor that stores what running batches have done, and says so. One at a time per batch: what
// comes while one is being stored is left out, the next is not far. One that cannot be stored is given up.
#include <algorithm>

#include "actors/worker/worker.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

void worker::on_batch_checkpoint(const batch_checkpoint& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end() || found->second.ended || found->second.saving || m.samples.empty()) return;
  auto& b = found->second;
  const auto& prefix = std::ranges::find(b.run.jobs, m.samples[0].id, &run_job::id)->object_prefix;
  auto key_of = [&prefix](const run_part& p) { return make_object_key(prefix, artifact::saved_run, p.sha256); };
  checkpoint c;
  for (const auto& part : m.run->parts) c.objects.push_back({key_of(part), part.sha256, part.data});
  c.objects.push_back({key_of(m.run->list), m.run->list.sha256, m.run->list.data});
  c.word.batch = m.batch;
  for (const auto& s : m.samples)
    c.word.jobs.push_back({s.id, s.fence, {c.objects.back().key, m.run->size_bytes, s.steps}});
  b.saving = std::move(c);
  store_checkpoint(m.batch);
}

/// Part by part: each is about as large as an upload may be.
void worker::store_checkpoint(const batch_id& id) {
  const auto& c = *batches_.at(id).saving;
  act::ask(
      self_, wiring_.objects, options_.put_deadline, put_objects{{c.objects[c.stored]}},
      [this, id](const put_answer& a) { checkpoint_stored(id, a.codes.empty() ? errc::internal : a.codes[0]); },
      [this, id](errc code) { checkpoint_stored(id, code); });
}

void worker::checkpoint_stored(const batch_id& id, errc code) {
  auto found = batches_.find(id);
  if (found == batches_.end() || found->second.ended || !found->second.saving) return;
  auto& c = *found->second.saving;
  if (code != errc::ok) {
    log::warn("checkpoint not stored", {{"batch", to_string(id)}, {"why", code}});
    return found->second.saving.reset();
  }
  if (++c.stored < c.objects.size()) return store_checkpoint(id);
  act::tell(self_, wiring_.slot, std::move(c.word));
  found->second.saving.reset();
}

} // namespace reel
