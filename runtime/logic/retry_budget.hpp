// retry_budget.hpp: How much of a model's work may be retries, so that what fails does not crowd out what would not.
//
// Two bounds, both of which a retry needs: as many run at once as `share` of all jobs that run or wait (as in Envoy),
// but `least` in any case; and tokens, of which every failure takes one and every success gives a tenth (as in gRPC).
// Below half of them only one retry runs at a time: it shows when things are well again. Time gives tokens back too,
// because where nothing but retries waits no success would.
//
// Value type; owned by the scheduler's queue, one per model. Never reads a clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "messages/ids.hpp"

namespace reel {

class retry_budget {
public:
  struct options {
    std::size_t least = 3;
    double share = 0.2;
    double tokens_max = 100;
    double per_success = 0.1;
    double per_second = 1;
  };

  retry_budget() = default;
  explicit retry_budget(const options& o) : options_{o}, tokens_{o.tokens_max} {}

  /// `jobs`: that run or wait, retries among them.
  std::size_t most(std::size_t jobs, instant now) const {
    if (tokens_at(now) <= options_.tokens_max / 2) return 1;
    return std::max(options_.least, static_cast<std::size_t>(options_.share * static_cast<double>(jobs)));
  }
  bool allows(std::size_t jobs, instant now) const { return running_ < most(jobs, now); }

  void began() { ++running_; }
  void ended() { running_ -= running_ > 0 ? 1 : 0; }
  void succeeded(instant now) { give(options_.per_success, now); }
  void failed(instant now) { give(-1, now); }

  std::size_t running() const { return running_; }
  double tokens_at(instant now) const {
    auto since = std::chrono::duration<double>(std::max(now - given_at_, instant::duration{0})).count();
    return std::min(options_.tokens_max, tokens_ + since * options_.per_second);
  }

private:
  void give(double tokens, instant now) {
    tokens_ = std::clamp(tokens_at(now) + tokens, 0.0, options_.tokens_max);
    given_at_ = std::max(given_at_, now);
  }

  options options_;
  double tokens_ = options{}.tokens_max;
  instant given_at_{};
  std::size_t running_ = 0;
};

} // namespace reel
