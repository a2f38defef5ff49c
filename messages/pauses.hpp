// pauses.hpp: What operators hold back: the whole queue, or single tenants; and which nodes and workers get no more
// work (drained). Waiting jobs stay where they are, running ones go on, new ones are accepted. The ledger keeps all
// that, so it outlives every process; the scheduler obeys.
#pragma once

#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

struct queue_pause {
  tenant_id tenant;  ///< empty: the whole queue
  tenant_id by;      ///< the operator's account
  wall_time since{}; ///< its beginning
  bool operator==(const queue_pause&) const = default;
};

struct drained_place {
  std::string place; ///< a node, "workers-1", or one worker, "workers-1/0"
  tenant_id by;      ///< the operator
  wall_time since{};
  bool operator==(const drained_place&) const = default;
};

/// A node's or a worker's name.
bool is_valid_place(std::string_view text);

/// All of them, by tenant and by place; together at most limits::pauses_max.
struct pause_list {
  std::vector<queue_pause> all;
  std::vector<drained_place> drained{};
  bool operator==(const pause_list&) const = default;
};

/// Begins or ends a pause; one that has begun keeps its beginning, and ending what is not there is done. Answered with
/// the pause_list from then on; errc::queue_full when there are too many.
struct set_pause {
  tenant_id tenant; ///< empty: the whole queue
  bool paused = true;
  tenant_id by;
  std::string place{}; ///< not empty: it is this that is drained, or no longer; `tenant` is empty
  bool operator==(const set_pause&) const = default;
};

/// Names that can be kept, and not both of them.
bool is_sound(const set_pause& m);
/// What it begins has begun.
bool is_there(const pause_list& all, const set_pause& m);

/// Answered with a pause_list.
struct read_pauses {
  bool operator==(const read_pauses&) const = default;
};

} // namespace reel
