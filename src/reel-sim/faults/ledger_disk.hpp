// ledger_disk.hpp: The ledger on a simulated disk: the product's memory ledger, behind group commits that take their
// time. An operation takes effect when its group is synced, and only then is answered; what was not synced when its
// process ends has never happened, and a group that was being synced has happened as a whole or not at all, unanswered.
//
// Writes down what the ledger says of itself, event by event, as the run's `ledger` history, and its rows at the end.
// Here is also where the ledger's defects are (plan.hpp).
#pragma once

#include <deque>

#include "actors/scheduler/job_table.hpp"
#include "actors/storage/disk_guard.hpp"
#include "actors/storage/memory_ledger.hpp"
#include "src/reel-sim/faults/history_log.hpp"
#include "src/reel-sim/faults/plan.hpp"

namespace reel::faultsim {

class ledger_disk {
public:
  ledger_disk(event_queue& events, history_log& log, process_id control, random_stream random, admission_limits limits,
              defect broken);

  // ---- for the control node; answered unless the process ends before

  void accept(accept_jobs m, reply_to<accept_answers> reply);
  void cancel(cancel_job m, reply_to<cancel_answer> reply);
  void lead(take_leadership m, reply_to<leadership> reply);
  void grant(grant_batch m, reply_to<grant_answer> reply);
  void end(end_batch m, reply_to<end_answer> reply);
  void read(read_job m, reply_to<job_record> reply);
  void unfinished(unfinished_jobs m, reply_to<unfinished_page> reply);
  void note(note_cluster m, reply_to<done> reply);

  // ---- faults

  void crash();                          ///< with the process
  ns sync_least{300'000}, sync_extra{0}; ///< of a group
  std::int64_t used_percent = 10;        ///< of the disk
  bool fails_next_sync = false;          ///< then `on_failure` ends the process
  std::function<void()> on_failure;
  std::uint64_t lost_operations = 0, refused_for_space = 0, slow_syncs = 0;

  // ---- at the end

  std::uint64_t unfinished_jobs_now() const { return accepted_ - ended_; }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t in_state(job_state s) const { return ended_in_[static_cast<std::size_t>(s)]; }
  std::uint64_t grants() const { return grants_; }
  std::uint64_t refused() const { return refused_; } ///< writes under an old fence or term
  void write_rows();                                 ///< into the `final` history
  // ---- for those who take themselves for what they are not

  const std::deque<end_batch>& late_ends() const { return late_; } ///< successes of executions that were given up
  const std::deque<std::pair<job_id, model_id>>& recent_jobs() const { return recent_; }
  std::uint64_t term() const { return term_; }

private:
  using operation = std::function<void(bool answered)>;
  struct row { ///< what is kept of an accepted job to the end of the run
    job_id id;
    std::uint32_t version = 0;
    std::uint16_t tenant = 0;
    job_state state = job_state::queued;
    bool degraded = false;
  };
  struct row_place {
    std::uint32_t after = 0; ///< 1 for the first row
    bool used() const { return after != 0; }
  };
  void add(operation run);
  void sync();
  void synced();
  space_left space() const;
  void witness(const job_record& r, const job_event& e);
  void write_end(const job_record& r, const job_event& e);
  void note_end(const job_record& r);
  void write_note(const cluster_note& n);
  void rewrite_fences(end_batch& m);
  void apply_end(end_batch m, const reply_to<end_answer>& reply, bool answered);
  void apply_grant(grant_batch m, const reply_to<grant_answer>& reply, bool answered);
  bool ignores(const cancel_job& m);
  job_record row_of(const job_id& id);
  void keep_late(const end_batch& m, const end_answer& a);

  event_queue& events_;
  history_log& log_;
  const process_id control_;
  random_stream random_;
  const defect broken_;
  memory_ledger ledger_;
  std::deque<operation> waiting_, group_;
  bool syncing_ = false;
  std::uint64_t term_ = 0;
  const end_batch* ending_ = nullptr; ///< being applied
  std::uint64_t granting_term_ = 0;   ///< likewise, as its sender has it
  std::uint64_t accepted_ = 0, ended_ = 0, grants_ = 0, refused_ = 0;
  std::array<std::uint64_t, 8> ended_in_{};
  std::deque<row> rows_;            ///< of accepted jobs
  job_table<row_place> unfinished_; ///< of these, those that have not ended
  name_table tenants_;
  static constexpr std::size_t late_most = 16, recent_most = 32;
  std::deque<end_batch> late_;
  std::deque<std::pair<job_id, model_id>> recent_; ///< accepted
};

} // namespace reel::faultsim
