// batch_keeper.hpp: Looks after one batch in flight, as a step function: what the shell of batch_supervisor.cpp does
// with messages and timers, around the product's own decisions about its lease and its end. From the grant to the end
// in the ledger; then it tells the scheduler's shell, which forgets it.
#pragma once

#include <memory>

#include "actors/supervisor/batch_end.hpp"
#include "actors/supervisor/batch_lease.hpp"
#include "src/reel-sim/faults/ledger_disk.hpp"
#include "src/reel-sim/faults/network.hpp"

namespace reel::faultsim {

struct keeper_wiring {
  event_queue* events = nullptr;
  process_id process = 0;
  ledger_disk* disk = nullptr;
  std::function<link_end*(const worker_id&)> link; ///< to the worker's node; null: there is none
  std::function<instant()> lease_clock;
  std::function<void(const supervised_batch&)> lease_expired; ///< nothing of it may be computed any more
  std::function<void(const batch_closed&)> closed;            ///< ends the keeper
  recovery_options recovery;
};

class batch_keeper : public std::enable_shared_from_this<batch_keeper> {
public:
  batch_keeper(supervised_batch batch, std::shared_ptr<const keeper_wiring> wiring);

  void begin(); ///< once, when somebody holds it
  void on_finished(const batch_finished& m, answer_function reply);
  void on_stop(const stop_jobs& m);
  void on_pause();
  void on_lost(errc why);

private:
  void tell(message m);
  void ask(message m, ms deadline, answer_function done);
  void after(ms d, void (batch_keeper::*what)());
  void hand_over();
  void on_not_taken(errc code);
  void renew();
  void on_renew();
  void failed(errc code, const std::string& message);
  wall_time wall() const { return w_->events->wall(w_->process); }
  void write_end();
  void close(const batch_closed& m);

  std::shared_ptr<const keeper_wiring> w_;
  random_stream random_;
  batch_end::jitter_function jitter_;
  batch_end end_;
  batch_lease lease_;
  std::vector<answer_function> waiting_;
};

} // namespace reel::faultsim
