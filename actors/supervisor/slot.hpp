// slot.hpp: One GPU slot of a node as a pure value: which process serves it, whether it lives, what runs on
// it. Owned by the node supervisor, which carries out what this decides.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "actors/supervisor/progress_watch.hpp"
#include "messages/worker.hpp"
#include "runtime/logic/restart_budget.hpp"

namespace reel {

struct slot_options {
  restart_budget::options restarts{3, std::chrono::minutes{10}, std::chrono::seconds{1}, std::chrono::seconds{60},
                                   std::chrono::seconds{60}};
  std::chrono::milliseconds silence_max{5'000};   ///< five missed signs of life: the process is killed
  std::chrono::milliseconds loading_max{600'000}; ///< a checkpoint of 100 GiB from a slow disk
  progress_watch::options progress{};             ///< what is stuck is killed too
  std::uint32_t credits = 2;                      ///< one batch running, one waiting behind it
  bool preemptible = false;                       ///< offers only models whose runs can go on elsewhere
};

class slot {
public:
  slot(worker_id id, const slot_options& o) : options_{o}, budget_{o.restarts}, progress_{o.progress} {
    status_.id = std::move(id);
    status_.state = worker_state::down;
    status_.credits = o.credits;
    status_.preemptible = o.preemptible;
  }

  const worker_status& status() const { return status_; }
  bool has(const batch_id& b) const { return std::ranges::find(status_.batches, b) != status_.batches.end(); }

  void started(int pid, instant now) {
    status_.pid = pid;
    status_.state = worker_state::starting;
    status_.message.clear();
    heard_at_ = now;
    progress_.started(now);
    budget_.started(now);
  }

  /// False for the word of a process that has ended meanwhile.
  bool ready(const worker_ready& m, instant now) {
    if (status_.state != worker_state::starting && status_.state != worker_state::ready) return false;
    status_.state = worker_state::ready;
    status_.models = options_.preemptible ? m.resumable : m.models;
    status_.device = m.device;
    status_.memory_bytes = m.memory_bytes;
    idle_since_ = now;
    heard_at_ = now;
    return true;
  }

  void alive(const worker_alive& m, instant now) {
    heard_at_ = now;
    status_.warm_runs = m.warm_runs;
    status_.used_bytes = m.used_bytes;
    progress_.heard(m.progress, now);
  }

  /// Its node was not there for so long, and could hear nothing.
  void forgive(std::chrono::nanoseconds away, instant now) {
    heard_at_ = now;
    progress_.forgive(away, now);
  }

  // ---- wanted or not: a slot that is not has no process, and whatever ended that one is no trouble

  bool is_wanted() const { return wanted_; }
  void want() {
    wanted_ = true;
    status_.message.clear();
  }
  /// Only while it has no batch. Whoever says so ends the process.
  void stop() {
    wanted_ = false;
    status_.state = worker_state::down;
    status_.message = worker_not_needed;
  }
  /// Since when it could have taken a batch and had none, or a time long ago while it waits to be started again;
  /// nothing: it has one, is starting, or is not wanted anyway.
  std::optional<instant> idle_since() const {
    if (!wanted_ || !status_.batches.empty()) return {};
    if (status_.state == worker_state::ready) return idle_since_;
    return status_.state == worker_state::down ? std::optional{instant{}} : std::nullopt;
  }

  /// Too long without a sign of life: kill it.
  bool is_silent(instant now) const {
    if (status_.state == worker_state::ready) return now - heard_at_ > options_.silence_max;
    return status_.state == worker_state::starting && now - heard_at_ > options_.loading_max;
  }

  /// It lives and does not get on: kill it, for this reason.
  std::optional<std::string> is_stuck(instant now) const {
    return status_.state == worker_state::ready ? progress_.trouble(now) : std::nullopt;
  }

  /// It is being killed: what its end will be put down to, instead of how the process ended.
  void condemn(errc code, std::string why) { condemned_ = {code, std::move(why)}; }
  const std::optional<std::pair<errc, std::string>>& condemned() const { return condemned_; }

  /// What its black box says after its end, which is more than what was heard of it. Nothing: it says nothing.
  void was_computing(const std::vector<batch_id>& batches) {
    std::set<batch_id> found;
    for (const auto& b : batches)
      if (has(b) && !jobs_.at(b).finished) found.insert(b);
    if (!found.empty()) begun_ = std::move(found);
  }

  /// The process is gone. The pause before the next start, or nothing when the slot is now ejected. The
  /// batches that were on it stay listed until their end is acknowledged. A death under a job that was there at another
  /// one is put down to the job: it will be a dead letter, and poisoned prompts must not cost a cluster its slots.
  std::optional<std::chrono::milliseconds> ended(const std::string& how, instant now, double jitter) {
    status_.pid = 0;
    status_.warm_runs = 0;
    status_.used_bytes = 0;
    condemned_.reset();
    if (!wanted_) return {};
    status_.message = how;
    const bool has_suspect =
        std::ranges::any_of(status_.batches, [this](const auto& b) { return is_to_blame(b) && jobs_.at(b).suspect; });
    auto pause = has_suspect ? std::chrono::milliseconds{0} : budget_.ended(now, jitter);
    status_.state = pause ? worker_state::down : worker_state::ejected;
    if (pause) ++status_.restarts;
    return pause;
  }

  /// An operator gives it another life: as many restarts as at first. False while it has a process.
  bool restart() {
    if (status_.pid != 0) return false;
    budget_ = restart_budget{options_.restarts};
    status_.state = worker_state::down;
    want();
    return true;
  }

  /// ok, or why the batch cannot run here now.
  errc take(const run_batch& m, instant now) {
    if (has(m.batch)) return errc::ok;
    if (status_.state != worker_state::ready || status_.batches.size() >= status_.credits) return errc::busy;
    for (const auto& job : m.jobs)
      if (std::ranges::find(status_.models, job.params.model) == status_.models.end()) return errc::unsupported;
    status_.batches.push_back(m.batch);
    jobs_[m.batch] = {static_cast<std::uint32_t>(m.jobs.size()), std::ranges::any_of(m.jobs, &run_job::suspect)};
    progress_.took(m, now);
    return errc::ok;
  }

  /// The process has begun with it: from now on its death is the batch's trouble too.
  void began(const batch_id& b, instant now) {
    if (!has(b)) return;
    begun_.insert(b);
    progress_.began(b, now);
  }
  /// It ended as it should: the slot works, whatever its processes died of before.
  void did_well() { budget_.did_well(); }
  /// All that is left of it is to store its files.
  void rendered(const batch_id& b, instant now) { progress_.rendered(b, now); }
  bool has_begun(const batch_id& b) const { return begun_.contains(b); }
  /// Whether the process died under it. Of what it was given and never spoke of, it had begun the first.
  bool is_to_blame(const batch_id& b) const {
    if (!begun_.empty()) return begun_.contains(b);
    auto first = std::ranges::find_if(status_.batches, [this](const auto& id) { return !jobs_.at(id).finished; });
    return first != status_.batches.end() && *first == b;
  }
  /// The process has said how it ended.
  void finished(const batch_id& b) {
    if (auto found = jobs_.find(b); found != jobs_.end()) found->second.finished = true;
    begun_.erase(b);
  }
  /// Jobs of the batches that are computed together; 0: there is one batch at most.
  std::uint32_t together() const {
    std::uint32_t jobs = 0;
    for (const auto& b : begun_) jobs += jobs_.at(b).count;
    return begun_.size() > 1 ? jobs : 0;
  }

  void release(const batch_id& b, instant now) {
    if (std::erase(status_.batches, b) > 0) idle_since_ = now;
    begun_.erase(b);
    jobs_.erase(b);
    progress_.rendered(b, now);
  }

private:
  /// Of a batch on it.
  struct content {
    std::uint32_t count = 0;
    bool suspect = false; ///< one of its jobs is
    bool finished = false;
  };

  slot_options options_;
  restart_budget budget_;
  progress_watch progress_;
  worker_status status_;
  std::optional<std::pair<errc, std::string>> condemned_; ///< while it is being killed
  std::set<batch_id> begun_;                              ///< of the batches on it
  std::map<batch_id, content> jobs_;
  instant heard_at_{};
  instant idle_since_{};
  bool wanted_ = true;
};

} // namespace reel
