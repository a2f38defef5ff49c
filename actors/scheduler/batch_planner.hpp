// batch_planner.hpp: How many jobs of one key to run together on one worker: the size with the most predicted videos
// per GPU-second among those that fit the worker's memory and finish before the first job's deadline. Sizes within
// `tie` of the best count as equal, and of equals the smallest wins: large diffusion batches often gain nothing once
// one sample saturates the GPU, and a smaller one ends sooner and can be lost more cheaply.
//
// What was never tried cannot be known: when the queue holds twice what the larger one needs, half or double the best
// size is run instead now and then, more often while it has never been measured.
//
// Owned by the scheduler core. Never reads a clock.
#pragma once

#include "actors/scheduler/cost_model.hpp"
#include "actors/scheduler/memory_model.hpp"

namespace reel {

class batch_planner {
public:
  static constexpr double tie = 0.03;                ///< part of the rate; measurements scatter by about as much
  static constexpr std::uint32_t explore_new = 4;    ///< every n-th batch, where a neighbour was never measured
  static constexpr double join_least = 0.05;         ///< part of the time saved by joining; taking in costs a little
  static constexpr std::uint32_t explore_again = 64; ///< where both were: costs change slowly

  batch_planner(std::map<model_id, cost_prior> costs, std::map<model_id, memory_prior> memory)
      : cost_{std::move(costs)}, memory_{std::move(memory)} {}

  struct question {
    const batch_key& key;
    std::size_t waiting = 0;                            ///< jobs of the key; at least 1
    std::size_t most = 8;                               ///< configured limit; at least 1
    std::uint64_t device_bytes = 0;                     ///< 0: not known
    std::optional<std::chrono::milliseconds> time_left; ///< of the first job
    std::chrono::milliseconds cold_start{0};            ///< before the batch: part of what it costs
    std::string_view device{};                          ///< its kind; empty: any
  };

  /// At least 1. Counts as a batch of the key.
  std::size_t choose(const question& q, instant now);

  /// The size it would choose with a deep queue, without exploring; at least 1.
  std::size_t best(const question& q, instant now) const;

  /// Jobs per second of the size it would choose with these jobs waiting, without exploring; 0: nothing known.
  double rate(const question& q, instant now) const;

  /// How many jobs of the key are to join a batch that has `steps_left` to do, at its next step; 0: none. They gain
  /// what running in one pass saves; the running ones, which get slower, lose by it. It pays when the first is more
  /// than the second over all jobs. Needs a measured or configured cost.
  struct join_question {
    const batch_key& key;
    std::size_t running = 0; ///< at least 1
    std::size_t waiting = 0;
    std::size_t most = 8; ///< together
    std::uint64_t device_bytes = 0;
    std::optional<std::chrono::milliseconds> time_left; ///< of the running jobs
    std::int32_t steps_left = 0;
    std::string_view device{};
  };
  std::size_t join_size(const join_question& q, instant now) const;

  bool fits_one(const batch_key& key, std::uint64_t device_bytes, instant now) const {
    return memory_.fits(key, 1, device_bytes, now) != 0;
  }

  cost_model& cost() { return cost_; }
  const cost_model& cost() const { return cost_; }
  memory_model& memory() { return memory_; }
  const memory_model& memory() const { return memory_; }

private:
  std::optional<std::size_t> explore(const question& q, std::size_t best, std::size_t fitting);
  std::vector<std::size_t> candidates(const question& q, std::size_t fitting) const;
  std::size_t best_of(const question& q, std::size_t fitting) const;

  cost_model cost_;
  memory_model memory_;
  recent_table<batch_key, std::uint32_t, cost_model::keys_max> batches_; ///< planned, per key
};

} // namespace reel
