// nemesis.hpp: Carries out the faults of a plan, and takes each back at its end. Effects that last are made anew from
// all faults that are active whenever one begins or ends, so that they may overlap. A fault is written down with what
// shows that it took effect; one that did nothing is counted and not written down.
#pragma once

#include "src/reel-sim/faults/cluster.hpp"

namespace reel::faultsim {

class nemesis {
public:
  nemesis(const plan& p, event_queue& events, history_log& log, cluster& on);

  bool is_over() const { return over_ == plan_.faults.size(); }
  ns last_end() const { return last_end_; }
  std::uint64_t proven() const { return proven_; }
  std::uint64_t vacuous() const { return over_ - proven_; }

private:
  struct active_fault {
    const fault* what = nullptr;
    std::size_t number = 0;
    std::string proof;        ///< of what happens at once
    std::uint64_t before = 0; ///< the counter that shows what lasts
  };

  void await(std::size_t number);
  void begin(std::size_t number);
  void end(std::size_t number);
  std::string strike(const fault& f);
  void lift(const fault& f);
  std::string let_grant();
  std::string commit_late();
  void apply();
  void apply(const fault& f);
  std::uint64_t counter_of(const fault& f);
  std::size_t node_of(const fault& f) const { return f.target % on_.nodes(); }
  std::size_t worker_of(const fault& f) const { return f.target % on_.workers(); }
  bool is_active(fault_kind kind, std::size_t node) const;
  process_id paused_process(const fault& f);
  void pause(process_id p, const fault& f);

  const plan& plan_;
  event_queue& events_;
  history_log& log_;
  cluster& on_;
  random_stream random_;
  id_generator ids_;
  std::vector<active_fault> active_;
  std::uint64_t over_ = 0, proven_ = 0;
  ns last_end_{0};
  std::uint64_t first_place_ = 0; ///< of the faults, among events of the same time
};

} // namespace reel::faultsim
