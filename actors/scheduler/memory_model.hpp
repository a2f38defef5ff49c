// memory_model.hpp: The peak memory of a batch, learnt from what workers measured, with an upper confidence bound: what
// is said to fit should fit, also early on. Per batch key a learned_curve over the batch size.
//
//   bound = prior x learnt ratio x (1 + margin)
//   margin of a measured size: 4 % (a peak varies by less) and 10 % halved by each measurement of it;
//   margin of another size: 100 % with nothing measured (a prior may be wrong by two), halved by every further
//   measurement of the key, at least 8 %; in both cases at least two standard deviations.
//
// After an out-of-memory the limit of that key on devices of at most that size is halved at once. It is forgotten
// slowly: after `forget_after` the limit doubles, and each further out-of-memory doubles that time up to a day.
//
// A model without prior and measurements, or a worker of unknown memory, has no limit here: the configured batch_max
// remains. Owned by the scheduler core. At most `keys_max` keys. Never reads a clock.
#pragma once

#include <optional>

#include "actors/scheduler/cost_model.hpp"

namespace reel {

/// What is believed of a model's memory before anything was measured.
struct memory_prior {
  double volume = 0;        ///< pixels x frames of the shape that `peak_bytes` are about
  double weights_bytes = 0; ///< the part of it that does not depend on the shape
  prior_curve peak_bytes;
};

class memory_model {
public:
  static constexpr std::size_t keys_max = 1024;
  static constexpr double margin_least = 0.04;
  static constexpr std::chrono::hours forget_after{1}, forget_most{24};

  explicit memory_model(std::map<model_id, memory_prior> priors = {}) : priors_{std::move(priors)} {}

  void learn(const batch_key& key, std::size_t jobs, std::uint64_t peak_bytes);
  void out_of_memory(const batch_key& key, std::size_t jobs, std::uint64_t device_bytes, instant now);

  /// Upper bound of the peak; nothing when nothing is known.
  std::optional<double> bound(const batch_key& key, std::size_t jobs) const { return bound(key, jobs, find(key)); }

  /// The largest size of at most `most` that fits; 0: not even one. `device_bytes` 0: not known.
  std::size_t fits(const batch_key& key, std::size_t most, std::uint64_t device_bytes, instant now) const;

private:
  struct limit {
    std::size_t jobs = 0;
    std::uint64_t device_bytes = 0; ///< on devices of up to this
    instant since{};
    std::chrono::hours forget{};
  };
  struct of_key {
    learned_curve curve;
    std::optional<limit> oom;
  };
  double form(const batch_key& key, std::size_t jobs) const; ///< bytes, or a multiple of them where there is no prior
  const of_key* find(const batch_key& key) const;
  std::optional<double> expected(const batch_key& key, std::size_t jobs, const of_key* own) const;
  std::optional<double> bound(const batch_key& key, std::size_t jobs, const of_key* own) const;
  static std::size_t allowed(const limit& l, std::uint64_t device_bytes, instant now);

  std::map<model_id, memory_prior> priors_;
  recent_table<batch_key, of_key, keys_max> keys_;
  recent_table<model_id, learned_curve, 256> models_; ///< over all keys of the model: how wrong its prior is
};

} // namespace reel
