// cost_model.hpp: How long a batch will take, learnt from the batches that finished: per batch key a learned_curve
// over the batch size, for one denoise step. A key never measured is foretold from its model (what its other keys
// measured, else the configured prior), in proportion to its pixels x frames x steps.
//
// Owned by the scheduler core. At most `keys_max` keys, the least recently learnt are forgotten. Never reads a clock.
#pragma once

#include <optional>

#include "actors/scheduler/learned_curve.hpp"
#include "actors/scheduler/recent_table.hpp"
#include "messages/job.hpp"

namespace reel {

/// Pixels x frames x steps to do: what the time of a diffusion model grows with.
double work_of(const batch_key& key);
/// Pixels x frames: what its memory grows with.
double volume_of(const batch_key& key);

/// What is believed of a model's time before anything was measured.
struct cost_prior {
  double work = 0;     ///< of the shape that `seconds` are about: see work_of
  prior_curve seconds; ///< of a batch
};

class cost_model {
public:
  using duration = std::chrono::microseconds;
  static constexpr std::size_t keys_max = 1024;

  explicit cost_model(std::map<model_id, cost_prior> priors = {}) : priors_{std::move(priors)} {}

  void learn(const batch_key& key, std::size_t jobs, duration measured);

  /// Nothing for a model never measured and without a prior.
  std::optional<duration> predict(const batch_key& key, std::size_t jobs) const;

  /// How often this size was measured.
  std::uint32_t count(const batch_key& key, std::size_t jobs) const;

  /// The sizes below `limit` measured at least so often, rising.
  std::vector<std::size_t> measured(const batch_key& key, std::size_t limit, std::uint32_t times) const;

private:
  /// Where there is no prior: one sample saturates the device by three quarters (published: 8 min for 1, 14 for 4).
  static const prior_curve& usual_form();

  struct of_key {
    double scale = 0; ///< the form of its model times this is its prior
    learned_curve curve;
  };
  struct of_model {
    double seconds_per_work = 0; ///< what its form is multiplied by, for each unit of work
    std::uint32_t count = 0;
  };
  const prior_curve& form(const model_id& m) const;
  std::optional<double> scale_for(const batch_key& key) const;

  std::map<model_id, cost_prior> priors_;
  recent_table<batch_key, of_key, keys_max> keys_;
  recent_table<model_id, of_model, 256> models_; ///< a configuration has a handful
};

} // namespace reel
