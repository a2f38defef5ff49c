// expert_model.hpp: What is known of models whose two experts take turns on a worker's device: which steps are whose,
// what bringing an expert costs, and what it costs to hand a batch over to another worker between the two. Learnt from
// the batches that ended; nothing is believed of a model before one of it has.
//
// Owned by the scheduler core. Bounded like the cost model: the entries not touched for longest are forgotten. Never
// reads a clock.
#pragma once

#include "actors/scheduler/recent_table.hpp"
#include "actors/supervisor/batch_measures.hpp"

namespace reel {

/// The mean of what was measured, newer ones count for more.
class running_mean {
public:
  void learn(double value) {
    mean_ += (value - mean_) * (is_known_ ? weight_of_new : 1);
    is_known_ = true;
  }
  bool is_known() const { return is_known_; }
  double value() const { return mean_; }

private:
  static constexpr double weight_of_new = 0.3;
  double mean_ = 0;
  bool is_known_ = false;
};

/// The key of what is done of a batch that is handed over after so many steps; 0: it runs to its end.
inline batch_key part_of(batch_key key, std::int32_t until) {
  if (until > 0) key.steps = until;
  return key;
}

class expert_model {
public:
  using seconds = std::chrono::duration<double>;
  static constexpr std::size_t keys_max = 1024;

  /// `until`: the batch was handed over after so many steps; 0: it ran to its end.
  void learn(const batch_key& key, std::size_t jobs, std::int32_t until, const expert_measures& m);

  /// Steps of the key's schedule up to the change of experts; 0: not known, or they do not change.
  std::int32_t high_steps(const batch_key& key) const;

  /// For the next step of such a batch; none: not known.
  expert needed(const batch_key& key) const;
  bool is_second_stage(const batch_key& key) const { return needed(key) == expert::low_noise; }

  /// Experts that have to be brought for the batch up to step `until` (0: its end) where this one is.
  int loads(const batch_key& key, std::int32_t until, expert resident) const;

  /// Of one; zero where none was measured.
  seconds load(const model_id& model) const;

  /// What handing over a batch of so many jobs costs: saved and stored, fetched, texts encoded again. Until it has been
  /// measured it is believed to cost as much as bringing an expert, which is far larger than what moves.
  seconds hand_over(const batch_key& key, std::size_t jobs) const;

private:
  struct transfer {
    running_mean give, take; ///< seconds of one job
  };
  struct of_model {
    running_mean load;
    transfer any_shape;
  };
  recent_table<batch_key, std::int32_t, keys_max> high_steps_; ///< by what decides a schedule
  recent_table<batch_key, transfer, keys_max> shapes_;         ///< by what decides the size of a saved run
  recent_table<model_id, of_model, 256> models_;               ///< a configuration has a handful
};

} // namespace reel
