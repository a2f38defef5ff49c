// batch_keeper.hpp: Looks after one batch in flight, as a step function: what the shell of batch_supervisor.cpp does
// with messages and timers, around the product's recovery policy. From the grant to the end in the ledger; then it
// tells the scheduler's shell, which forgets it.
#pragma once

#include <memory>

#include "actors/scheduler/scheduler_core.hpp"
#include "src/reel-sim/faults/ledger_disk.hpp"
#include "src/reel-sim/faults/network.hpp"

namespace reel::faultsim {

/// A job as its keeper needs it.
struct kept_job {
  run_job run;
  std::uint32_t attempts_used = 0;
  recovery_mark mark{};
  bool has_fallback = false;
};

struct kept_batch {
  std::uint64_t term = 0;
  batch_id id;
  worker_id worker;
  std::vector<kept_job> jobs;
  bool adopted = false; ///< it runs already
  bool join = false, probe = false, larger_device = false;
  std::int32_t until_step = 0;
  ms expected{0};
  bool others_do_well = false;
};

/// The last word of a keeper.
struct keeper_end {
  batch_id batch;
  errc code = errc::ok;
  std::vector<job_rerun> reruns{};
  std::vector<job_id> unclear{};
  std::optional<ms> measured{};
  batch_measures measures{};
};

struct keeper_wiring {
  event_queue* events = nullptr;
  process_id process = 0;
  ledger_disk* disk = nullptr;
  std::function<link_end*(const worker_id&)> link; ///< to the worker's node; null: there is none
  std::function<instant()> lease_clock;
  std::function<void(const kept_batch&)> lease_expired; ///< nothing of it may be computed any more
  std::function<void(const keeper_end&)> closed;        ///< ends the keeper
  recovery_options recovery;
};

class batch_keeper : public std::enable_shared_from_this<batch_keeper> {
public:
  batch_keeper(kept_batch batch, std::shared_ptr<const keeper_wiring> wiring);

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
  bool is_whole(const batch_finished& m) const;
  void all_ended(errc code, const std::string& message);
  void add_outcome(const kept_job& job, const job_result& result, std::uint64_t gpu_ms);
  void write_end();
  void on_end_answer(const end_answer& a);
  void close(keeper_end e);

  kept_batch batch_;
  std::shared_ptr<const keeper_wiring> w_;
  random_stream random_;
  instant lease_until_{};
  std::uint32_t renewals_ = 0, acknowledged_ = 0;
  int not_found_in_a_row_ = 0;
  bool ending_ = false;
  end_batch end_;
  keeper_end last_;
  std::vector<answer_function> waiting_;
};

} // namespace reel::faultsim
