// events.hpp: Virtual time, and the processes that live in it. Events run in the order of (time, sequence number), in
// one thread; each belongs to one life of one process. What a killed process had still to do is dropped with it, and
// what a paused one had to do waits until it goes on: so a SIGKILL or SIGSTOP at any point is one call here.
//
// A process reads two clocks: its monotonic one, which may run fast or slow, and the wall clock of its machine, which
// may jump. Delays that it asks for are of its own monotonic clock.
//
// Memory: the events that have not run yet.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "messages/ids.hpp"
#include "src/reel-sim/faults/action.hpp"
#include "src/reel-sim/faults/random_stream.hpp"

namespace reel::faultsim {

using process_id = std::uint32_t;
inline constexpr process_id outside = 0; ///< clients and whoever makes faults: never dies, its clock is the true one

/// What an event is, for the trace.
enum class step : std::uint8_t { frame, link_tick, local, timer, disk, compute, client, fault };

class event_queue {
public:
  event_queue() { add_process(0); }

  process_id add_process(std::int64_t drift_ppm) {
    processes_.push_back({0, true, ns{0}, drift_ppm, {}});
    return static_cast<process_id>(processes_.size() - 1);
  }

  // ---- clocks

  ns now() const { return now_; } ///< the true time
  instant mono(process_id p) const {
    const auto& of = processes_[p];
    return instant{epoch + now_ + ns{now_.count() / 1'000'000 * of.drift_ppm}};
  }
  wall_time wall(process_id p) const {
    return std::chrono::floor<std::chrono::milliseconds>(wall_start + now_) + processes_[p].wall_off;
  }
  void set_wall(process_id p, std::chrono::milliseconds off) { processes_[p].wall_off = off; }

  // ---- lives

  bool is_up(process_id p) const { return processes_[p].up; }
  bool is_paused(process_id p) const { return processes_[p].paused_until > now_; }
  std::uint32_t life(process_id p) const { return processes_[p].life; }
  void kill(process_id p) {
    processes_[p].up = false;
    processes_[p].paused_until = {};
    ++processes_[p].life;
  }
  void start(process_id p) { processes_[p].up = true; }
  void pause(process_id p, ns until) { processes_[p].paused_until = until; }

  // ---- events

  /// In this life of the process, after so much of its own time.
  template <class Function> void after(process_id p, ns delay, step what, Function&& run) {
    const auto ppm = processes_[p].drift_ppm;
    at(p, now_ + ns{delay.count() - delay.count() / 1'000'000 * ppm}, what, std::forward<Function>(run));
  }
  template <class Function> void at(process_id p, ns when, step what, Function&& run) {
    at(p, when, what, std::forward<Function>(run), reserve(1));
  }

  /// Places among events of the same time, for events that are added later: the first of them.
  std::uint64_t reserve(std::size_t events) {
    sequence_ += events;
    return sequence_ - events + 1;
  }
  template <class Function> void at(process_id p, ns when, step what, Function&& run, std::uint64_t place) {
    std::uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(events_.size());
      events_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    auto& e = events_[slot];
    e.process = p;
    e.life = processes_[p].life;
    e.what = what;
    e.run.set(std::forward<Function>(run));
    push({std::max(when, now_), place, slot});
  }

  /// Runs the next event; false when there is none.
  bool run_next() {
    if (heap_.empty()) return false;
    const auto next = pop();
    now_ = next.at;
    if (!heap_.empty()) __builtin_prefetch(&events_[heap_.front().slot]); // at hand when this one is done
    auto& e = events_[next.slot];                                         // stays where it is, whatever it adds
    const auto& p = processes_[e.process];
    if (p.life == e.life && p.paused_until > now_) {
      push({p.paused_until, ++sequence_, next.slot}); // in the same order among themselves
      return true;
    }
    if (p.life == e.life && p.up) {
      ++ran_;
      trace_.add(static_cast<std::uint64_t>(now_.count()) ^ static_cast<std::uint64_t>(e.what) << 56);
      trace_.add(e.process);
      e.run();
    }
    e.run.clear();
    free_.push_back(next.slot);
    return true;
  }

  std::uint64_t ran() const { return ran_; }
  std::size_t pending() const { return heap_.size(); }
  trace_hash& trace() { return trace_; }

private:
  static constexpr ns epoch = std::chrono::hours{1}; ///< no process sees the zero of its clock
  static constexpr std::chrono::sys_time<ns> wall_start{std::chrono::seconds{1'700'000'000}};

  struct process {
    std::uint32_t life;
    bool up;
    ns paused_until;
    std::int64_t drift_ppm;
    std::chrono::milliseconds wall_off;
  };
  struct event {
    process_id process = 0;
    std::uint32_t life = 0;
    step what = step::timer;
    action run;
  };
  /// When an event is due, and where it is kept: the heap moves these.
  struct due {
    ns at;
    std::uint64_t sequence;
    std::uint32_t slot;
    bool operator<(const due& o) const { return at != o.at ? at < o.at : sequence < o.sequence; }
  };

  // A heap in which each has four below it: half as deep as with two, and the four lie together.
  static constexpr std::size_t below = 4;
  void push(const due& d) {
    auto at = heap_.size();
    heap_.push_back(d);
    for (; at > 0 && d < heap_[(at - 1) / below]; at = (at - 1) / below) heap_[at] = heap_[(at - 1) / below];
    heap_[at] = d;
  }
  due pop() {
    const auto first = heap_.front(), last = heap_.back();
    heap_.pop_back();
    const auto size = heap_.size();
    if (size == 0) return first;
    std::size_t at = 0;
    for (std::size_t child = 1; child < size; child = below * at + 1) {
      const auto end = std::min(child + below, size);
      for (auto other = child + 1; other < end; ++other)
        if (heap_[other] < heap_[child]) child = other;
      if (!(heap_[child] < last)) break;
      heap_[at] = heap_[child];
      at = child;
    }
    heap_[at] = last;
    return first;
  }

  ns now_{0};
  std::uint64_t sequence_ = 0, ran_ = 0;
  std::vector<process> processes_;
  std::vector<due> heap_;
  std::deque<event> events_;
  std::vector<std::uint32_t> free_;
  trace_hash trace_;
};

} // namespace reel::faultsim
