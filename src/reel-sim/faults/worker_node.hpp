// worker_node.hpp: A worker node as a step function: the product's slots (actors/supervisor/slot.hpp: restart budget,
// signs of life, progress watch) with the shell's part of node_supervisor.cpp around them, and its worker processes.
// It takes batches, watches and restarts processes, and tells the end of every batch until it is answered.
#pragma once

#include "actors/supervisor/slot.hpp"
#include "src/reel-sim/faults/worker_process.hpp"

namespace reel::faultsim {

/// A place for a worker process, and its device: they outlive processes.
struct slot_place {
  worker_id id;
  process_id process = 0;
  gpu device;
};

struct node_wiring {
  node_id id;
  std::size_t link = 0;
  process_id process = 0;
  std::vector<slot_place>* places = nullptr;
  std::function<bool(const job_id&)> is_poison;
  bool waits_for_files = true;
};

class worker_node {
public:
  worker_node(event_queue& events, network& net, node_wiring wiring, random_stream random);
  ~worker_node(); ///< its processes end with it
  worker_node(const worker_node&) = delete;
  worker_node& operator=(const worker_node&) = delete;

  /// A process was killed, or ended itself: false when there was none.
  bool process_ended(std::size_t index, const std::string& how);
  const worker_process* process(std::size_t index) const { return processes_[index].get(); }

private:
  void on_ask(const message& m, answer_function reply);
  void on_tell(const message& m);
  void on_run_batch(const run_batch& m, answer_function reply);
  void on_renew_lease(const renew_lease& m, const answer_function& reply);
  void on_second();
  void end_stuck(std::size_t index);
  void start(std::size_t index);
  worker_wiring wiring_of(std::size_t index);
  void on_ended(std::size_t index, std::int64_t pid, const std::string& how);
  void on_progress(const batch_progress& m);
  void on_finished(const batch_finished& m, std::function<void()> answered, process_id from);
  void end_all(std::size_t index, errc code);
  void tell_end(const batch_id& id);
  void report();
  std::optional<std::size_t> find(const worker_id& id) const;
  instant now() const { return events_.mono(w_.process); }
  link_end& link() { return *net_.at(w_.link, 1); }
  /// Between the node and its processes: quick, in order, and lost with whoever it was for.
  template <class Function> void local(process_id to, Function&& run) {
    events_.after(to, std::chrono::microseconds{100}, step::local, std::forward<Function>(run));
  }

  event_queue& events_;
  network& net_;
  node_wiring w_;
  random_stream random_;
  std::vector<slot> slots_;
  std::vector<std::unique_ptr<worker_process>> processes_;
  std::map<batch_id, batch_finished> ends_; ///< not answered yet
  std::int64_t last_pid_ = 100;
  instant last_report_at_{};
  static constexpr std::uint64_t epoch_ = 1;
};

} // namespace reel::faultsim
