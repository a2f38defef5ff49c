// batch_lease.hpp: The lease of a batch as its supervisor keeps it: how long it holds, which renewal is next, and when
// the worker is taken to have lost the batch. Pure; the other half is the worker's (messages/worker.hpp, renew_lease).
//
// Value. Owned by a batch's supervisor, and by its stand-in in the simulation under faults. Never reads a clock.
#pragma once

#include <algorithm>

#include "messages/worker.hpp"

namespace reel {

class batch_lease {
public:
  batch_lease(std::chrono::milliseconds ttl, instant now) : ttl_{ttl}, until_{now + ttl} {}

  bool has_run_out(instant now) const { return now >= until_; }
  /// Some renewal was answered: the worker and its node are known to be there.
  bool is_confirmed() const { return acknowledged_ != 0; }

  renew_lease next(const batch_id& batch, const worker_id& worker) { return {batch, worker, ++sent_, acknowledged_}; }

  void answered(std::uint32_t number, instant sent_at) {
    until_ = std::max(until_, sent_at + ttl_);
    acknowledged_ = std::max(acknowledged_, number);
    not_found_in_a_row_ = 0;
  }
  /// Its worker does not have the batch. True the second time: the batch's end may have crossed the first question on
  /// its way.
  bool not_found() { return ++not_found_in_a_row_ >= 2; }

private:
  std::chrono::milliseconds ttl_;
  instant until_;
  std::uint32_t sent_ = 0, acknowledged_ = 0; ///< the latest one; the latest one whose answer came
  int not_found_in_a_row_ = 0;
};

} // namespace reel
