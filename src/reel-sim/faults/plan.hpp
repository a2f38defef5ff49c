// plan.hpp: What is simulated: a cluster, its load, and the faults that it has to bear, each with its time. All of it
// follows from one number, the seed; a plan can be written down as TOML, cut by hand or by shrink.hpp, and run again.
//
// A plan has two phases. Safety: jobs come and faults happen; anything may be down, and all of it comes back. Liveness:
// nothing is wrong any more, and every accepted job has to end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/ids.hpp"
#include "src/reel-sim/faults/random_stream.hpp"

namespace reel::faultsim {

using ms = std::chrono::milliseconds;

enum class fault_kind : std::uint8_t {
  // the network between a worker node and the control node; amount: parts per 1000
  drop,
  duplicate,
  delay,         ///< amount: ms at most, each frame its own: they overtake each other
  partition,     ///< nothing passes
  partition_in,  ///< nothing reaches the worker node
  partition_out, ///< nothing comes from it
  // processes
  kill_worker,
  pause_worker,
  kill_node,
  pause_node,
  kill_control, ///< what was not synced is lost; the ledger's file stays
  pause_control,
  // work
  hang,          ///< a worker computes and never gets on
  out_of_memory, ///< amount: jobs that still fit
  store_down,    ///< of videos: it takes nothing
  // the ledger's disk
  slow_sync,  ///< amount: ms of one sync
  disk_full,  ///< amount: percent in use
  sync_error, ///< the next sync fails: the process has to end
  // clocks
  wall_jump, ///< amount: seconds, of one machine's wall clock
  // others who take themselves for what they are not
  usurper,      ///< another scheduler takes the leadership, and ends
  stale_leader, ///< an earlier leader goes on granting
  late_commit,  ///< a worker's result is committed again long after
  count
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault_kind::count);
std::string_view to_string(fault_kind k);

struct fault {
  fault_kind kind = fault_kind::drop;
  ms at{0};
  ms lasts{0};
  std::uint32_t target = 0; ///< node or worker, counted through; more than there are wrap around
  std::int64_t amount = 0;
  bool operator==(const fault&) const = default;
};

/// One line of what stands around the product's code, written wrongly: what a build with such a defect would do. Each
/// has to be caught, or the simulation shows nothing.
enum class defect : std::uint8_t {
  none,
  no_fence_check,     ///< at a commit
  no_term_check,      ///< at a grant
  ack_before_commit,  ///< of an accepted job
  wall_clock_lease,   ///< at the control node
  no_duplicate_drop,  ///< on the link
  cancel_ignored,     ///< by the ledger, of a running job
  no_idempotency,     ///< keys are not looked up
  commit_before_file, ///< a worker tells of videos that are not stored yet
  one_retry_more,
  lost_orphans, ///< after a restart of the control node nobody ends the leases that nobody claims
  count
};
std::string_view to_string(defect d);
std::optional<defect> parse_defect(std::string_view text);

struct plan {
  std::uint64_t seed = 1;
  std::uint32_t jobs = 150;
  std::uint32_t nodes = 3, slots = 2; ///< worker nodes, and workers on each
  std::int64_t rate_permille = 1000;  ///< jobs per 1000 s
  std::uint32_t poison_permille = 0;  ///< of the jobs take down the process that computes them
  std::uint32_t cancel_permille = 50;
  std::uint32_t read_permille = 300;
  std::vector<std::int64_t> drift_ppm; ///< by machine, the control node's first
  std::vector<fault> faults;           ///< by time
  bool operator==(const plan&) const = default;

  ms safety() const {
    return ms{std::int64_t{jobs} * 1'000'000 / rate_permille};
  } ///< at least until the last fault ended
};

struct plan_size {
  std::uint32_t jobs = 150;
  std::uint32_t nodes = 0, slots = 0; ///< 0: drawn
};
plan draw_plan(std::uint64_t seed, const plan_size& size = {});

std::string to_toml(const plan& p);
plan parse_plan(std::string_view toml, const std::string& name); ///< throws config_error

} // namespace reel::faultsim
