// free_pace.hpp: How many workers class free has to have in peak hours so that its deadlines are met. Its jobs may wait
// for off-peak hours, often for a day; what these hours cannot do has to be done before, at the cost of the paying
// classes, and should cost them a few workers for the whole day and not all of them in the last hour.
//
// The rule: jobs are taken by the time they are due. Up to every such time there is so much work owed; less what the
// off-peak hours until then can do on all workers, it is spread evenly over the peak hours until then. The largest of
// these rates, in workers, is what class free is given; as long as it is below one worker, nothing. So one job alone
// starts at the last moment, a hundred of a 24-hour batch start one after the other all day, and both are done in time.
// It corrects itself: a worker lost or a run longer than predicted raises the rate.
//
// Rejected: a start time for each job at acceptance, which knows nothing of what comes later; priority by deadline over
// the other classes, which is the last hour.
//
// Pure function. Never reads a clock.
#pragma once

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
  std::size_t workers = 0;              ///< usable
  std::chrono::milliseconds longest{0}; ///< batch: work has to be begun so long before it is due
};

struct free_pace {
  std::size_t workers = 0;       ///< class free is to have now, with those it has; may be more than there are
  std::optional<wall_time> next; ///< when it will be more if nothing is started until then and no window opens
};

free_pace pace_of(const pace_question& q, const off_peak_windows& windows, wall_time now);

} // namespace reel
