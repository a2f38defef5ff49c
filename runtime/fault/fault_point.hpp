// fault_point.hpp: Named places in the code at which a fault can be made to happen, so that what is promised under
// faults can be shown on the real programs: a process that ends between an upload and its commit, a step that never
// returns, a frame that comes twice.
//
//   if (fault::hit("objects.write").what == fault::action::no_space) return errc::no_space;
//   fault::pass("worker.after_upload");
//
// Without a plan a point costs one relaxed load. A plan is installed by main() from the file that --fault-plan names,
// only where the configuration allows it (fault_plan.hpp says how it is written); a name that is not in `points` does
// not compile. Pure logic has no points: what it decides is tested by its arguments.
//
// Any thread may hit a point. What a plan orders is carried out on the thread that hit it: a delay or a hang in a
// pooled actor holds up its whole pool, as a fault there would. Every time a fault happens is counted, over all
// processes of a node, and written to `faults.log` in the node's folder of faults before it takes effect.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace reel::fault {

enum class action : std::uint8_t {
  none,
  // At every point, carried out by it:
  abort, ///< the process ends at once with code 134, as after abort(), without a core
  kill,  ///< SIGKILL, from itself
  hang,  ///< the thread stays there until the fault is taken out of the plan
  delay, ///< the thread stays there for a while
  // At the points that say so, carried out by the code around them:
  error,         ///< what this place does fails
  out_of_memory, ///< of the device
  no_space,      ///< the disk is full
  corrupt,       ///< one bit is another
  truncate,      ///< the end is missing
  drop,          ///< it never came
  duplicate,     ///< it came twice
  reorder,       ///< it comes after its successor
  hold,          ///< it comes later, and does not keep up what comes after it
};
std::string_view to_string(action a);

struct point {
  std::string_view name;
  std::string_view what;
  std::array<action, 6> own{}; ///< beyond those of every point
  constexpr bool takes(action a) const {
    if (a != action::none && a < action::error) return true;
    for (auto mine : own)
      if (mine == a && a != action::none) return true;
    return false;
  }
};

/// Of points of rendering, the text that a plan's `marker` looks into has for each job of the batch
/// "job=ID seed=SEED tokens=1,2,3 ", and their size is the number of jobs. Of link.receive it is the sender's name, and
/// the size is that of the frame. Other points have neither.
inline constexpr std::array points{
    point{"gateway.before_accept", "requests are checked, the ledger is not asked yet", {action::error}},
    point{"gateway.before_reply", "the ledger has accepted jobs, no client is told yet", {action::error}},
    point{"ledger.before_commit", "a transaction is complete but not committed", {action::error, action::no_space}},
    point{"ledger.after_commit", "a transaction is on the disk, nobody is told yet", {}},
    point{"delivery.after_post",
          "a webhook's receiver has taken an event, the ledger does not know yet; an error: it never will",
          {action::error}},
    point{"objects.write", "objects are about to be written", {action::error, action::no_space}},
    point{"objects.read", "an object is about to be read", {action::error}},
    point{"scheduler.plan", "the scheduler is about to plan; an error ends the actor", {action::error}},
    point{"scheduler.after_grant", "a batch is granted in the ledger, not handed over yet", {action::error}},
    point{"batch.before_end", "a batch's end is about to be written to the ledger", {action::error}},
    point{"batch.after_end", "a batch's end is committed, nobody is told yet", {action::error}},
    point{"slots.tick", "the node's supervisor of workers looks after them; an error ends it", {action::error}},
    point{"render.begin", "a batch is about to be encoded", {action::error, action::out_of_memory}},
    point{"render.step", "a denoise step is about to run", {action::error, action::out_of_memory}},
    point{"render.result", "a finished file is hashed, and on its way to the store", {action::corrupt}},
    point{"worker.before_upload", "finished files are about to be uploaded", {}},
    point{"worker.after_upload", "finished files are stored, the batch's end is not told yet", {}},
    point{"link.receive",
          "a frame of a peer (no hello) is decrypted, its checksum not looked at yet",
          {action::drop, action::duplicate, action::reorder, action::hold, action::corrupt, action::truncate}},
};

/// The number of a point in `points`; its name is checked by the compiler.
class point_id {
public:
  consteval point_id(const char* name) : number_{find(name)} {} // NOLINT: names are points
  constexpr std::size_t number() const { return number_; }

private:
  static consteval std::size_t find(std::string_view name) {
    for (std::size_t i = 0; i < points.size(); ++i)
      if (points[i].name == name) return i;
    throw "no point of this name is in fault::points";
  }
  std::size_t number_;
};

/// What is there when a point is hit, for the conditions of a plan. Never logged.
struct circumstances {
  std::string text;
  std::size_t size = 0;
};

/// What the code around a point has to do. `draw` is random and the same for the same hit of the same plan.
struct order {
  action what = action::none;
  std::uint64_t draw = 0;
  std::chrono::milliseconds delay{0}; ///< of a hold, and of the second frame of a duplicate
  explicit operator bool() const { return what != action::none; }
};

/// Thrown by pass() for action::error.
class injected_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

namespace detail {
inline std::atomic<bool> armed{false};
order carry_out(point_id at, const circumstances& here);
[[noreturn]] void throw_injected(point_id at);
} // namespace detail

/// Whether a plan is installed, be it an empty one.
inline bool armed() { return detail::armed.load(std::memory_order_relaxed); }

/// `here` is called only when a plan is installed, and returns circumstances.
template <class Describe> order hit(point_id at, Describe here) {
  if (!armed()) [[likely]]
    return {};
  return detail::carry_out(at, here());
}
inline order hit(point_id at) {
  return hit(at, [] { return circumstances{}; });
}

/// For places whose only own action is to fail by an exception.
inline void pass(point_id at) {
  if (hit(at).what == action::error) detail::throw_injected(at);
}

struct installation {
  std::string plan_file; ///< read again whenever it changes; while it is missing there are no faults
  std::string process;   ///< this one's name, "workers-1" or "workers-1/0"
  std::string folder;    ///< of the node's counts and faults.log; made if it is not there
};

/// Called by main() before other threads start. The plan's file is looked at whenever a point is hit. Throws
/// config_error that names file and line, or std::runtime_error about the folder.
void install(const installation& i);

/// What is installed; null: nothing.
const installation* installed();

/// For --list-fault-points: a line for each.
std::string list_points();

} // namespace reel::fault
