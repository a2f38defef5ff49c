// pauses.hpp: What operators hold back: the whole queue, or single tenants. Waiting jobs stay where they are, running
// ones go on, new ones are accepted. The ledger keeps the pauses, so they outlive every process; the scheduler obeys.
#pragma once

#include <vector>

#include "messages/ids.hpp"

namespace reel {

struct queue_pause {
  tenant_id tenant;  ///< empty: the whole queue
  tenant_id by;      ///< the operator's account
  wall_time since{}; ///< its beginning
  bool operator==(const queue_pause&) const = default;
};

/// All of them, by tenant; at most limits::pauses_max.
struct pause_list {
  std::vector<queue_pause> all;
  bool operator==(const pause_list&) const = default;
};

/// Begins or ends a pause; one that has begun keeps its beginning, and ending what is not there is done. Answered with
/// the pause_list from then on; errc::queue_full when there are too many.
struct set_pause {
  tenant_id tenant; ///< empty: the whole queue
  bool paused = true;
  tenant_id by;
  bool operator==(const set_pause&) const = default;
};

/// Answered with a pause_list.
struct read_pauses {
  bool operator==(const read_pauses&) const = default;
};

} // namespace reel
