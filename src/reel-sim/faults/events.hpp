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
  void after(process_id p, ns delay, step what, action run) {
    const auto ppm = processes_[p].drift_ppm;
    at(p, now_ + ns{delay.count() - delay.count() / 1'000'000 * ppm}, what, std::move(run));
  }
  void at(process_id p, ns when, step what, action run) { at(p, when, what, std::move(run), reserve(1)); }

  /// Places among events of the same time, for events that are added later: the first of them.
  std::uint64_t reserve(std::size_t events) {
    sequence_ += events;
    return sequence_ - events + 1;
  }
  void at(process_id p, ns when, step what, action run, std::uint64_t place) {
    std::uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(actions_.size());
      actions_.push_back(std::move(run));
    } else {
      slot = free_.back();
      free_.pop_back();
      actions_[slot] = std::move(run);
    }
    push({std::max(when, now_), place, p, processes_[p].life, slot, what});
  }

  /// Runs the next event; false when there is none.
  bool run_next() {
    if (heap_.empty()) return false;
    std::ranges::pop_heap(heap_, later{});
    auto e = heap_.back();
    heap_.pop_back();
    now_ = e.at;
    const auto& p = processes_[e.process];
    if (p.life == e.life && p.paused_until > now_) {
      e.at = p.paused_until;
      e.sequence = ++sequence_; // in the same order among themselves
      push(e);
      return true;
    }
    auto& run = actions_[e.slot]; // stays where it is, whatever it adds
    if (p.life == e.life && p.up) {
      ++ran_;
      trace_.add(static_cast<std::uint64_t>(now_.count()) ^ static_cast<std::uint64_t>(e.what) << 56);
      trace_.add(e.process);
      run();
    }
    run.clear();
    free_.push_back(e.slot);
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
    ns at;
    std::uint64_t sequence;
    process_id process;
    std::uint32_t life;
    std::uint32_t slot;
    step what;
  };
  struct later {
    bool operator()(const event& a, const event& b) const {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };
  void push(const event& e) {
    heap_.push_back(e);
    std::ranges::push_heap(heap_, later{});
  }

  ns now_{0};
  std::uint64_t sequence_ = 0, ran_ = 0;
  std::vector<process> processes_;
  std::vector<event> heap_;
  std::deque<action> actions_;
  std::vector<std::uint32_t> free_;
  trace_hash trace_;
};

} // namespace reel::faultsim
