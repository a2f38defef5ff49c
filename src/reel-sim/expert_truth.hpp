// expert_truth.hpp: What a part of a batch costs beside its steps where a model's two experts take turns on the device:
// the experts that have to be brought, and handing the batch over. Values.
#pragma once

#include "src/reel-sim/workload.hpp"

namespace reel::sim {

struct stage_truth {
  ms before{0}; ///< the first step: runs fetched, texts encoded again, experts brought, also the one in the middle
  ms after{0};  ///< the last one: saved and stored
  expert_measures measures{};
};

/// Of so many jobs from step `first` up to `last`; they are handed over when that is not the key's last.
inline stage_truth stage_of(const model_truth& m, const batch_key& key, std::int32_t first, std::int32_t last,
                            std::size_t jobs, expert resident) {
  stage_truth s;
  auto half = m.hand_over / 2 * static_cast<std::int64_t>(jobs);
  if (first > 0) s.before = half;
  if (last < key.steps) s.after = half;
  s.measures.hand_over = s.before + s.after;
  if (m.expert_load.count() == 0) return s;
  auto high = m.high_steps_of(key);
  auto begins = first < high ? expert::high_noise : expert::low_noise;
  auto ends = last <= high ? expert::high_noise : expert::low_noise;
  auto loads = (resident != begins ? 1u : 0u) + (begins != ends ? 1u : 0u);
  auto time = m.expert_load * loads;
  s.before += time;
  s.measures.use = {ends, high, loads, static_cast<std::uint64_t>(time.count())};
  return s;
}

} // namespace reel::sim
