// worker_pool.hpp: The workers that can take a batch now or soon, grouped by kind, so that a plan looks once per kind
// of worker and not once per worker.
//
// Inside a kind the worker comes first that holds the expert that is needed, then one whose model is warm (where a cold
// start costs anything), then the one that was given work longest ago; one that failed a batch lately comes last. A
// busy worker that may have a second batch behind its present one becomes a candidate shortly before that one ends
// (`prefetch`).
//
// Owned by the scheduler core. Bounded by the workers of the cluster. Never reads a clock.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "messages/scheduler.hpp"
#include "runtime/logic/outlier.hpp"

namespace reel {

/// What decides which batches a worker can run. Small devices first: what fits them leaves the large ones free.
struct worker_kind {
  std::uint64_t memory_bytes = 0;
  std::string device;
  std::vector<model_id> models;
  auto operator<=>(const worker_kind&) const = default;
};

/// Of one kind.
struct worker_tally {
  std::size_t usable = 0, idle = 0; ///< idle: of these, without a batch
};

struct worker_slot {
  worker_status status;
  worker_kind kind;
  std::vector<batch_id> batches;  ///< in order of grant; at most its credits
  instant avoid_until{};          ///< it failed a batch
  std::uint64_t last_grant = 0;   ///< number of its latest grant
  model_id warm;                  ///< it ran last
  expert resident = expert::none; ///< of that model, once what it was given will have ended; none: not known, or both
  outlier health;
  std::optional<instant> ejected_until{}; ///< it failed too often while others did not

  // Where the pool has it; the pool's own.
  bool idle = false, avoided = false;
  std::optional<instant> prefetch;
  std::optional<std::uint64_t> counted; ///< the core's: its memory is among those of usable workers
  std::optional<std::pair<model_id, expert>> counted_expert;     ///< the core's: likewise what it holds
  std::pair<const worker_kind, worker_tally>* tallied = nullptr; ///< the core's: it is counted here
  bool tallied_idle = false;
};

class worker_pool {
public:
  /// Idle: usable and without a batch. `prefetch`: when a busy one may be given its next.
  void put(worker_slot& w, bool idle, std::optional<instant> prefetch, instant now);
  void remove(worker_slot& w);

  /// Those that were avoided long enough join the others.
  void refresh(instant now);

  bool any_idle() const { return !kinds_.empty(); }
  bool any_idle(const auto& of_kind) const { ///< whose kind passes
    return std::ranges::any_of(kinds_, [&](const auto& one) { return of_kind(one.first); });
  }
  std::vector<worker_kind> idle_kinds() const;

  /// The one to be given work for this model; null when none is idle. `needed`: by its next step; none: any will do.
  /// `warm_matters`: a cold start costs something.
  worker_slot* next(const worker_kind& kind, const model_id& model, expert needed, bool warm_matters) const;

  /// How many idle workers hold this expert.
  std::size_t idle_with(const model_id& model, expert e) const;

  std::vector<worker_slot*> due(instant now) const; ///< busy ones whose prefetch time has come
  std::optional<instant> next_due(instant now) const;

private:
  using order = std::tuple<bool, std::uint64_t, worker_id>; ///< avoided, last grant
  using idle_set = std::map<order, worker_slot*>;
  using loaded = std::pair<model_id, expert>; ///< warm and resident

  static order order_of(const worker_slot& w) { return {w.avoided, w.last_grant, w.status.id}; }

  std::map<worker_kind, std::map<loaded, idle_set>> kinds_; ///< no empty ones
  std::map<std::pair<instant, worker_id>, worker_slot*> prefetch_;
  std::map<std::pair<instant, worker_id>, worker_slot*> avoided_;
};

} // namespace reel
