// cost_model.hpp: How long a batch will take, learnt from the batches that finished: per batch key a learned_curve
// over the batch size, for one denoise step. A key never measured is foretold from its model (what its other keys
// measured, else the configured prior), in proportion to its pixels x frames x steps.
//
// Cards differ, so everything is learnt twice: for the kind of device that it ran on, and for any. A key never measured
// on a device is foretold from any device, times what the device takes for the model beside any.
//
// Owned by the scheduler core. At most `keys_max` keys, the least recently learnt are forgotten. Never reads a clock.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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
  static constexpr std::size_t keys_max = 2048;  ///< on all devices; some 300 bytes each
  static constexpr std::size_t devices_max = 64; ///< kinds of card in a cluster; any more are taken to be alike

  explicit cost_model(std::map<model_id, cost_prior> priors = {}) : priors_{std::move(priors)} {}

  void learn(const batch_key& key, std::size_t jobs, duration measured, std::string_view device = {});

  /// Nothing for a model never measured and without a prior. Without a device: on any.
  std::optional<duration> predict(const batch_key& key, std::size_t jobs, std::string_view device = {}) const;

  /// How often this size was measured.
  std::uint32_t count(const batch_key& key, std::size_t jobs, std::string_view device = {}) const;

  /// The sizes below `limit` measured at least so often, rising.
  std::vector<std::size_t> measured(const batch_key& key, std::size_t limit, std::uint32_t times,
                                    std::string_view device = {}) const;

private:
  /// Where there is no prior: one sample saturates the device by three quarters (published: 8 min for 1, 14 for 4).
  static const prior_curve& usual_form();

  using device_number = std::uint32_t; ///< 0: any
  using device_key = std::pair<device_number, batch_key>;
  using device_model = std::pair<device_number, model_id>;

  struct of_key {
    double scale = 0; ///< the form of its model times this is its prior
    learned_curve curve;
  };
  struct of_model {
    double seconds_per_work = 0; ///< what its form is multiplied by, for each unit of work
    std::uint32_t count = 0;
  };
  const prior_curve& form(const model_id& m) const;
  device_number number_of(std::string_view device) const;
  void learn_on(device_number device, const batch_key& step, std::size_t jobs, double seconds);
  const of_key* find(const batch_key& key, std::string_view device) const;
  std::optional<double> scale_for(device_number device, const batch_key& step) const;

  std::map<model_id, cost_prior> priors_;
  std::map<std::string, device_number, std::less<>> devices_;
  recent_table<device_key, of_key, keys_max> keys_;
  recent_table<device_model, of_model, 256> models_; ///< a configuration has a handful
};

} // namespace reel
