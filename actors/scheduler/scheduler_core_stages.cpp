// The part of scheduler_core about models whose two experts take turns on a worker's device: a run begins with the
// high-noise expert's steps and ends with the low-noise expert's.
//
// A worker that runs whole batches brings two experts for each. Handed over between the two, a batch needs none where
// workers keep their expert: each stage then has its workers, and its queue, because the jobs that wait for their
// second stage have a batch key of their own (steps_done). The price is a saved run stored and fetched, and texts
// encoded again.
//
// Encoding and decoding are not handed over: it could not pay. Text encoder and decoder stay on the device beside
// either expert, so that nothing has to be brought for them, and the work is the same wherever it is done: a hand-over
// would only add its own cost. It is little work, too: of a batch of the reference model (480p, 81 frames, 40 steps)
// 0.27 of 135 PFLOP are decoding and 0.005 encoding, and the decoder has 0.5 GiB of weights beside an expert's 26.6. A
// text encoder that is dropped between uses (10.6 GiB) is brought by either stage, unless the worker has encoded the
// same text lately; that is in the measured price.
#include <algorithm>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

/// Part of a batch's time that has to be saved: measurements scatter by about as much.
constexpr double worthwhile = 0.02;

/// A worker brings the low-noise expert for second stages when so many batches wait for each that holds it, so that it
/// does several of them before it changes back.
constexpr std::size_t second_stage_run = 2;

/// Loads that a hand-over spares: while work waits, nearly two (both workers keep their expert, but for the changes
/// that keep the stages even); without, the one in the middle.
constexpr double spared_while_busy = 1.5, spared_when_idle = 1;

} // namespace

batch_key scheduler_core::running_batch::part() const { return part_of(*key, until_step); }

std::chrono::microseconds scheduler_core::loading(const batch_key& key, const worker_slot& w,
                                                  std::int32_t until) const {
  auto resident = w.warm == key.model ? w.resident : expert::none;
  auto time = experts_.load(key.model) * experts_.loads(key, until, resident);
  return std::chrono::ceil<std::chrono::microseconds>(time);
}

/// After how many steps the batch is handed over; 0: it runs to its end here.
std::int32_t scheduler_core::until_step(const job_queue::first_job& head, const worker_slot& w, std::size_t size,
                                        instant now) {
  const auto& key = *head.key;
  auto high = experts_.high_steps(key);
  if (options_.pipeline == pipeline_mode::never || key.steps_done >= high) return 0;
  if (head.cls == job_class::urgent || now < hand_over_from_) return 0;
  auto others = holders(key.model, expert::high_noise) + holders(key.model, expert::low_noise);
  if (others < 2 || w.resident == expert::none || w.warm != key.model) return 0;
  if (options_.pipeline == pipeline_mode::always) return high;
  auto whole = planner_.cost().predict(key, size);
  if (!whole) return 0;
  double spared = 0;
  if (backlog_of(key.model).first_jobs > size)
    spared = spared_while_busy;
  else if (pool_.idle_with(key.model, expert::low_noise) > (w.idle && w.resident == expert::low_noise ? 1u : 0u))
    spared = spared_when_idle;
  auto gain = spared * experts_.load(key.model) - experts_.hand_over(key, size);
  return gain >= worthwhile * *whole ? high : 0;
}

/// A job whose next step is done by the expert that the worker holds, in place of one that would change it.
std::optional<job_queue::first_job> scheduler_core::for_resident(const job_queue::first_job& head, const worker_slot& w,
                                                                 instant now, const job_queue::key_filter& allowed) {
  if (!is_for_others(*head.key, w)) return {};
  auto fits = [&](const batch_key& k) { return k.model == w.warm && experts_.needed(k) == w.resident && allowed(k); };
  return instead_of(head, w, now, fits);
}

/// The worker holds the other expert, bringing this one is worth avoiding, and there are workers that will do it. What
/// was begun goes first: first stages give way to second ones, these to first ones only as long as they do not pile up.
bool scheduler_core::is_for_others(const batch_key& key, const worker_slot& w) {
  auto needed = experts_.needed(key);
  if (w.warm != key.model || w.resident == expert::none || needed == expert::none || needed == w.resident) return false;
  auto takes = planner_.cost().predict(key, 1);
  if (!takes || experts_.load(key.model) < worthwhile * *takes) return false;
  if (needed == expert::high_noise) return true;
  return backlog_of(key.model).second_batches < second_stage_run * (holders(key.model, expert::low_noise) + 1);
}

/// Counted once in a plan, when it is asked for: at most `keys_looked_at` of the waiting keys.
scheduler_core::stage_backlog& scheduler_core::backlog_of(const model_id& model) {
  auto [found, is_new] = backlogs_.try_emplace(model);
  auto& all = found->second;
  if (!is_new) return all;
  std::size_t keys = 0;
  for (std::size_t c = 0; c < job_queue::classes; ++c)
    for (const auto& [key, jobs] : queue_.waiting_by_key(static_cast<job_class>(c))) {
      if (key->model != model || ++keys > keys_looked_at) continue;
      if (experts_.is_second_stage(*key))
        all.second_batches += (jobs + batch_max(*key) - 1) / batch_max(*key);
      else
        all.first_jobs += jobs;
    }
  return all;
}

std::size_t scheduler_core::holders(const model_id& model, expert e) const {
  auto found = holders_.find({model, e});
  return found == holders_.end() ? 0 : found->second;
}

void scheduler_core::count_expert(worker_slot& w, bool is_usable) {
  if (w.counted_expert)
    if (auto found = holders_.find(*w.counted_expert); --found->second == 0) holders_.erase(found);
  w.counted_expert.reset();
  if (!is_usable || w.resident == expert::none) return;
  w.counted_expert.emplace(w.warm, w.resident);
  ++holders_[*w.counted_expert];
}

/// What the worker holds now, or will once those that wait behind the ended batch have ended.
void scheduler_core::note_experts(worker_slot& w, const batch_id& ended, expert resident) {
  if (auto b = batches_.find(ended); b != batches_.end() && b->second.key->model != w.warm) return;
  w.resident = resident;
  for (const auto& id : w.batches)
    if (id != ended && resident != expert::none)
      w.resident = batches_.at(id).until_step > 0 ? expert::high_noise : expert::low_noise;
}

/// A batch's time is learnt without what bringing experts and handing over took: those are predicted apart.
void scheduler_core::learn(const running_batch& b, std::optional<std::chrono::milliseconds> measured,
                           const expert_measures& m, std::string_view device) {
  if (measured) experts_.learn(*b.key, b.jobs.size(), b.until_step, m);
  if (!measured) return;
  auto without = *measured - std::chrono::milliseconds{m.use.load_ms} - m.hand_over;
  planner_.cost().learn(b.part(), b.jobs.size(), std::max<std::chrono::milliseconds>(without, 1ms), device);
}

} // namespace reel
