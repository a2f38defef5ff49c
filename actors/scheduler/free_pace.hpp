// free_pace.hpp: How many workers class free has to have so that its deadlines are met. Its jobs may wait for off-peak
// hours, often for a day; what these hours cannot do has to be done in peak hours, at the cost of the paying classes,
// and should cost them a few workers for the whole day and not all of them in the last hour.
//
// The rule: jobs are taken by the time they are due. Up to every such time there is so much work owed; less what the
// off-peak hours until then will do (on the part of the workers that the other classes leave there, which is learnt),
// it is spread evenly over the peak hours until then. The largest of these rates, in workers, is what class free is
// given; as long as it is below one worker, nothing. So one job alone starts at the last moment, a hundred of a 24-hour
// batch start one after the other all day, and both are done in time. It corrects itself: a worker lost or a run longer
// than predicted raises the rate.
//
// Rejected: a start time for each job at acceptance, which knows nothing of what comes later; priority by deadline over
// the other classes, which is the last hour.
//
// Plain values. Never reads a clock.
#pragma once

#include <cmath>
#include <span>

#include "actors/scheduler/off_peak.hpp"

namespace reel {

/// GPU-seconds that have to be done by then.
struct due_work {
  wall_time due{};
  double gpu_s = 0;
};

struct pace_question {
  std::span<const due_work> work;       ///< by `due`, rising
  double running_s = 0;                 ///< GPU-seconds left of the batches of class free that run
  double workers = 0;                   ///< that are expected to run class free in off-peak hours
  std::chrono::milliseconds longest{0}; ///< batch: work has to be begun so long before it is due
};

struct free_pace {
  std::size_t workers = 0;       ///< class free is to have now, with those it has; may be more than there are
  std::optional<wall_time> next; ///< when it will be more if nothing is started until then and no window opens
};

/// The part of the workers that the other classes leave to class free in off-peak hours: the mean over the last hours
/// of them, the latest counting most.
class off_peak_share {
public:
  static constexpr double at_first = 0.5; ///< until it has seen some: neither all is left nor nothing
  static constexpr std::chrono::hours fades_in{4};

  double part() const { return part_; }
  void saw(double part, std::chrono::nanoseconds passed) {
    part_ +=
        (part - part_) * -std::expm1(-std::chrono::duration<double>(passed) / std::chrono::duration<double>(fades_in));
  }

private:
  double part_ = at_first;
};

free_pace pace_of(const pace_question& q, const off_peak_windows& windows, wall_time now);

} // namespace reel
