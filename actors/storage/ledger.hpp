// ledger.hpp: The store of job rows, the only truth about a job (reliability.md 2.2 to 2.5). Two back ends
// are planned behind this interface (SQLite here, PostgreSQL for clusters); each must pass tests/storage/
// ledger_conformance. Nothing above it may assume a local disk or a single writer.
//
// Threads: calls may come from any thread and never block: they queue an operation, bounded by
// limits::ledger_queue_ops and ledger_queue_bytes (errc::queue_full beyond, answered from the calling thread's side
// like any other answer). An accept that has waited longer than its asker does is not carried out (errc::timeout).
// Replies are handed to the `deliver` function given at construction, all those of one commit in one call, so that the
// owner can run them where it likes.
//
// Errors of an operation are an errc in its reply. A ledger that can no longer keep its promise (fsync
// failed, file corrupt) ends the process: what was answered is durable, what was not is unknown to nobody
// (reliability.md 2.3).
#pragma once

#include <functional>
#include <map>

#include "actors/quota_limits.hpp"
#include "actors/storage/outbox.hpp"
#include "messages/breakers.hpp"
#include "messages/dead_letters.hpp"
#include "messages/history.hpp"
#include "messages/operators.hpp"
#include "messages/outcome.hpp"
#include "messages/pauses.hpp"
#include "messages/worker.hpp"

namespace reel {

template <class T> using reply_to = std::function<void(outcome<T, errc>)>;

/// Gets a function that makes all the replies of one commit, and runs it where they belong; called from the
/// ledger's threads, must not block.
using deliver_function = std::function<void(std::function<void()>)>;

/// Limits checked in the accepting transaction (reliability.md 2.13).
struct admission_limits {
  std::uint64_t queued_jobs_max = 1'000'000;     ///< whole cluster: errc::queue_full
  std::uint64_t tenant_queued_jobs_max = 10'000; ///< each tenant that has no own: errc::quota_exceeded
  std::map<tenant_id, tenant_quota> tenants;
  std::chrono::milliseconds gpu_estimate{60'000}; ///< reserved for a job until one of its kind was measured

  const tenant_quota& of(const tenant_id& tenant) const {
    static const tenant_quota none;
    const auto found = tenants.find(tenant);
    return found == tenants.end() ? none : found->second;
  }
};

/// What the delivery actor needs of a ledger.
class outbox_ledger {
public:
  virtual ~outbox_ledger() = default;
  virtual void outbox(read_outbox m, reply_to<std::vector<outbox_entry>> reply) = 0;
  virtual void record(std::vector<delivery_result> m, reply_to<done> reply) = 0;
};

class ledger : public outbox_ledger {
public:
  virtual void accept(accept_jobs m, reply_to<accept_answers> reply) = 0;
  virtual void cancel(cancel_job m, reply_to<cancel_answer> reply) = 0;
  virtual void remove(delete_job m, reply_to<delete_answer> reply) = 0;
  virtual void reprioritise(reprioritise_job m, reply_to<reprioritise_answer> reply) = 0;
  virtual void pause(set_pause m, reply_to<pause_list> reply) = 0;
  virtual void breaker(set_breaker m, reply_to<breaker_overrides> reply) = 0;
  virtual void lead(take_leadership m, reply_to<leadership> reply) = 0;
  virtual void grant(grant_batch m, reply_to<grant_answer> reply) = 0;
  virtual void end(end_batch m, reply_to<end_answer> reply) = 0;
  virtual void saved(batch_saved m, reply_to<save_answer> reply) = 0;
  virtual void quota(read_quota m, reply_to<quota_view> reply) = 0;
  virtual void redrive(redrive_jobs m, reply_to<accept_answers> reply) = 0;
  virtual void note(note_cluster m, reply_to<done> reply) = 0;
  virtual void act(note_action m, reply_to<action_noted> reply) = 0;

  /// Reads see everything that was committed before the call.
  virtual void read(read_job m, reply_to<job_record> reply) = 0;
  virtual void list(list_jobs m, reply_to<job_page> reply) = 0;
  virtual void unfinished(unfinished_jobs m, reply_to<unfinished_page> reply) = 0;
  virtual void pauses(read_pauses m, reply_to<pause_list> reply) = 0;
  virtual void breakers(read_breakers m, reply_to<breaker_overrides> reply) = 0;
  virtual void dead(read_dead m, reply_to<dead_page> reply) = 0;
  virtual void inspect(inspect_job m, reply_to<job_inspection> reply) = 0;
  virtual void audit(read_audit m, reply_to<audit_page> reply) = 0;
  virtual void find(find_jobs m, reply_to<found_jobs> reply) = 0;

  void outbox(read_outbox m, reply_to<std::vector<outbox_entry>> reply) override = 0;
  void record(std::vector<delivery_result> m, reply_to<done> reply) override = 0;

  /// For the sweeper: which of these objects does a succeeded, undeleted job point at, or may a running one
  /// still commit; and which parts of saved runs may a job go on from that has not ended. What is not referenced now
  /// never will be. Objects of jobs that this ledger does not know
  /// count as referenced: a ledger started anew must not empty the store.
  virtual void referenced(std::vector<object_key_parts> objects, reply_to<std::vector<bool>> reply) = 0;
};

} // namespace reel
