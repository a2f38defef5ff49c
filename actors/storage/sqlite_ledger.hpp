// sqlite_ledger.hpp: The ledger in one SQLite file on a local disk: nothing to install or to start.
//
// Three threads. The writer takes everything that is queued, runs it as one transaction, and answers when the
// disk has it; while it waits for the disk the next group gathers, so that many callers share one fsync and a
// single one waits for no timer. The reader answers from its own connection and never waits for the writer.
// The checkpointer keeps the write-ahead log bounded.
//
// Memory: the page caches of the options, 16 bytes per frame of the log, a counter per tenant. Nothing per
// job.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "actors/storage/disk_guard.hpp"
#include "actors/storage/ledger.hpp"
#include "runtime/limits.hpp"

namespace reel {

struct ledger_group {
  bool is_write = true;
  std::size_t operations = 0;
  std::chrono::nanoseconds took{0}; ///< from taking them out of the queue to their answers: for writes, the disk has it
};

struct sqlite_ledger_options {
  std::filesystem::path file;
  admission_limits limits;
  std::chrono::milliseconds keys_kept = std::chrono::hours{24}; ///< idempotency keys
  disk_options disk;
  std::uint64_t wal_bytes = 64u << 20; ///< of the write-ahead log, kept on disk
  std::size_t writer_cache_kib = 4096;
  std::size_t reader_cache_kib = 1024;
  std::size_t queue_ops = limits::ledger_queue_ops;     ///< waiting for each of writer and reader
  std::size_t queue_bytes = limits::ledger_queue_bytes; ///< likewise
  /// What gateways wait for an answer: an accept that has waited longer is refused (errc::timeout), not carried out.
  std::chrono::milliseconds accept_wait_max{10'000};
  /// How much time the wall clock may say has passed between two lives of the process, for the age of keys.
  std::chrono::milliseconds keys_gap_max = std::chrono::hours{1};

  /// Wall-clock time for rows and events; empty: the system's.
  std::function<wall_time()> now;
  /// Monotonic time; empty: the system's.
  std::function<instant()> steady_now;
  /// Told of every group of operations, committed (one transaction) or read, from the ledger's threads; must not block.
  /// Empty: nobody is.
  std::function<void(const ledger_group&)> measured;
  /// The ledger can no longer keep its promise. Empty: logs and ends the process with code 70, so that
  /// nothing is answered any more. If it returns, everything is answered with errc::unavailable from then on.
  std::function<void(const std::string& why)> fatal;
};

class sqlite_ledger final : public ledger {
public:
  /// Opens or makes the file; one that is not a ledger is left as it is. Throws std::runtime_error that names the file
  /// and the reason.
  sqlite_ledger(sqlite_ledger_options options, deliver_function deliver);
  /// Finishes what is queued.
  ~sqlite_ledger() override;
  sqlite_ledger(const sqlite_ledger&) = delete;
  sqlite_ledger& operator=(const sqlite_ledger&) = delete;

  void accept(accept_jobs m, reply_to<accept_answers> reply) override;
  void cancel(cancel_job m, reply_to<cancel_answer> reply) override;
  void remove(delete_job m, reply_to<delete_answer> reply) override;
  void reprioritise(reprioritise_job m, reply_to<reprioritise_answer> reply) override;
  void pause(set_pause m, reply_to<pause_list> reply) override;
  void breaker(set_breaker m, reply_to<breaker_overrides> reply) override;
  void lead(take_leadership m, reply_to<leadership> reply) override;
  void grant(grant_batch m, reply_to<grant_answer> reply) override;
  void end(end_batch m, reply_to<end_answer> reply) override;
  void saved(batch_saved m, reply_to<save_answer> reply) override;
  void quota(read_quota m, reply_to<quota_view> reply) override;
  void redrive(redrive_jobs m, reply_to<accept_answers> reply) override;
  void note(note_cluster m, reply_to<done> reply) override;
  void act(note_action m, reply_to<action_noted> reply) override;
  void audit(read_audit m, reply_to<audit_page> reply) override;
  void find(find_jobs m, reply_to<found_jobs> reply) override;
  void read(read_job m, reply_to<job_record> reply) override;
  void list(list_jobs m, reply_to<job_page> reply) override;
  void unfinished(unfinished_jobs m, reply_to<unfinished_page> reply) override;
  void pauses(read_pauses m, reply_to<pause_list> reply) override;
  void breakers(read_breakers m, reply_to<breaker_overrides> reply) override;
  void dead(read_dead m, reply_to<dead_page> reply) override;
  void inspect(inspect_job m, reply_to<job_inspection> reply) override;
  void outbox(read_outbox m, reply_to<std::vector<outbox_entry>> reply) override;
  void record(std::vector<delivery_result> m, reply_to<done> reply) override;
  void referenced(std::vector<object_key_parts> objects, reply_to<std::vector<bool>> reply) override;

  /// Operations that wait for the writer and for the reader. Any thread.
  std::size_t waiting_writes() const;
  std::size_t waiting_reads() const;

private:
  class threads; ///< the three of them with what they own
  std::unique_ptr<threads> threads_;
};

} // namespace reel
