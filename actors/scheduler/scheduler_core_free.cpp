// The part of scheduler_core that holds class free back in peak hours.
#include <algorithm>

#include "actors/scheduler/scheduler_core.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

constexpr auto paced_every = 1s;

instant instant_of(wall_time at, instant now, wall_time wall) { return now + std::max(at - wall, 1ms); }

} // namespace

void scheduler_core::hold_free(instant now, wall_time wall) {
  if (options_.off_peak.empty()) return;
  if (options_.off_peak.open(wall))
    queue_.hold_free({});
  else
    queue_.hold_free([this, now](const batch_key& key) { return is_spare(key, now); });
  refresh_pace(now, wall);
  owe_free();
}

/// A batch of class free may not be the one that was owed; one of another class may keep a worker from it.
void scheduler_core::note_for_pace(const planned_batch& b) {
  if (b.jobs.front().cls == job_class::free) {
    free_batches_.insert(b.id);
    owe_free();
    pace_is_stale_ = true;
  } else if (!options_.off_peak.empty()) {
    constexpr double kept = 0.999; // so that one long batch is forgotten after some thousand others
    auto takes = planner_.cost().predict(*b.key, b.jobs.size()).value_or(0s);
    longest_other_ = std::max<std::chrono::duration<double>>(takes, longest_other_ * kept);
  }
}

void scheduler_core::owe_free() { queue_.owe_free(pace_.workers > free_batches_.size()); }

/// Is the margin left when one more of the workers that can run this gets a batch?
bool scheduler_core::is_spare(const batch_key& key, instant now) const {
  worker_tally all;
  for (const auto& [kind, t] : tallies_)
    if (can_run(kind, key, now)) {
      all.usable += t.usable;
      all.idle += t.idle;
    }
  return all.idle > 0 && static_cast<double>(all.idle - 1) >= options_.free_margin * static_cast<double>(all.usable);
}

void scheduler_core::tally(worker_slot& w, bool is_usable) {
  const bool stays = w.tallied && is_usable && w.tallied->first == w.kind; // as at most reports
  if (w.tallied) {
    w.tallied->second.idle -= w.tallied_idle;
    if (!stays && --w.tallied->second.usable == 0) tallies_.erase(tallies_.find(w.tallied->first));
  }
  if (!stays) w.tallied = is_usable ? &*tallies_.try_emplace(w.kind).first : nullptr;
  if (!is_usable) return;
  w.tallied_idle = w.batches.empty();
  w.tallied->second.usable += stays ? 0 : 1;
  w.tallied->second.idle += w.tallied_idle;
}

/// Once every `paced_every`, or when it would rise: it looks at every key and due time of class free.
void scheduler_core::refresh_pace(instant now, wall_time wall) {
  bool rises = pace_.next && *pace_.next <= wall;
  if (paced_at_ && now - *paced_at_ < paced_every && !rises) return;
  std::size_t usable = 0;
  for (const auto& [kind, t] : tallies_) usable += t.usable;
  if (paced_at_ && usable > 0 && options_.off_peak.open(wall)) {
    auto others = static_cast<double>(batches_.size() - free_batches_.size()) / static_cast<double>(usable);
    free_share_.saw(std::max(0.0, 1 - others), now - *paced_at_);
  }
  paced_at_ = now;
  pace_is_stale_ = false;
  pace_ = {};
  if (queue_.waiting(job_class::free) == 0) return;
  pace_question q{.workers = free_share_.part() * static_cast<double>(usable)};
  auto work = free_work(now, q.longest);
  q.longest += std::chrono::ceil<std::chrono::milliseconds>(longest_other_); // until a worker comes free
  q.work = work;
  for (const auto& id : free_batches_)
    if (auto end = ends_at(batches_.at(id)); end && *end > now)
      q.running_s += std::chrono::duration<double>(*end - now).count();
  pace_ = pace_of(q, options_.off_peak, wall);
}

/// What waits in class free that a usable worker can run, by due time, in batches of the best size; and the longest of
/// these with a tenth for the scatter of run times.
std::vector<due_work> scheduler_core::free_work(instant now, std::chrono::milliseconds& longest) const {
  constexpr double unknown_s = 1e-3; // it is owed when it is due, and its first batch tells
  std::vector<due_work> work;
  const batch_key* of = nullptr;
  std::optional<double> each_s; // of the key that is looked at; nothing: nobody can run it
  queue_.for_each_due([&](const batch_key& key, wall_time due, std::size_t jobs) {
    if (&key != of) {
      of = &key;
      auto kind = std::ranges::find_if(tallies_, [&](const auto& t) { return can_run(t.first, key, now); });
      each_s.reset();
      if (kind != tallies_.end()) {
        auto size = planner_.best(question(key, kind->first, true), now);
        auto takes = planner_.cost().predict(key, size);
        each_s = takes ? std::chrono::duration<double>(*takes).count() / static_cast<double>(size) : unknown_s;
        if (takes)
          longest =
              std::max(longest, std::chrono::ceil<std::chrono::milliseconds>(*takes * 11 / 10) + options_.cold_start);
      }
    }
    if (each_s) work.push_back({due, *each_s * static_cast<double>(jobs)});
  });
  std::ranges::sort(work, {}, &due_work::due);
  return work;
}

bool scheduler_core::waits_for_off_peak(const queue_entry& job, instant now, wall_time wall) const {
  return job.cls == job_class::free && !options_.off_peak.empty() && !options_.off_peak.open(wall) &&
         !is_spare(*job.key, now);
}

/// Nothing else happens when hours begin, a deadline comes near or a tenant has waited long enough.
void scheduler_core::wake_for_free(instant now, wall_time wall, plan_result& result) const {
  if (options_.off_peak.empty() || queue_.waiting(job_class::free) == 0) return;
  auto wake = [&result](instant at) { result.wake_at = result.wake_at ? std::min(*result.wake_at, at) : at; };
  if (auto change = options_.off_peak.next_change(wall)) wake(instant_of(*change, now, wall));
  if (pace_.next) wake(instant_of(*pace_.next, now, wall));
  if (pace_is_stale_) wake(*paced_at_ + paced_every);
  if (auto aged = queue_.next_aged_free(now)) wake(*aged);
}

} // namespace reel
