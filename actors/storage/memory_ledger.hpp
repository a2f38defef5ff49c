// memory_ledger.hpp: The ledger without a disk, for tests and simulations: the same answers as the SQLite one
// (both pass tests/storage/ledger_conformance), nothing survives it. Written as plainly as possible and
// without sharing ledger_rules.hpp, so that comparing the two finds mistakes in either.
//
// Replies go to `deliver` at once, one call per message, to decide when they arrive; without one, replies are called at
// once. Any thread; one mutex.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "actors/storage/drain_rate.hpp"
#include "actors/storage/ledger.hpp"
#include "actors/storage/quota.hpp"

namespace reel {

struct memory_ledger_options {
  /// The row after an event, and the event.
  using witness_function = std::function<void(const job_record&, const job_event&)>;

  admission_limits limits;
  std::chrono::milliseconds keys_kept = std::chrono::hours{24};
  std::function<wall_time()> now;      ///< must be given: tests choose their time
  std::function<instant()> steady_now; ///< empty: passes as `now` does
  /// Told of every event, which is not kept then: inspections show none, and millions of jobs need less memory. Called
  /// under the lock.
  witness_function witness;
  /// Then an ended job is forgotten, with its key, as if it had never been: so that millions of jobs need the memory of
  /// those under way. Nothing: never.
  std::optional<std::chrono::milliseconds> ended_kept{};
};

class memory_ledger final : public ledger {
public:
  explicit memory_ledger(memory_ledger_options options, deliver_function deliver = {});
  memory_ledger(const memory_ledger&) = delete;
  memory_ledger& operator=(const memory_ledger&) = delete;

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

private:
  struct entry {
    job_record record;
    bool hidden = false;
    saved_run saved{};
    reservation quota{};
    std::uint64_t charged_ms = 0; ///< of GPU time, when it succeeded
    std::vector<job_event> events{};
  };
  struct owed {
    outbox_entry entry; ///< without its url
    wall_time due{};
  };
  struct ended_job {
    instant at{};
    job_id id;
    std::uint32_t generation = 1; ///< another one has not ended
  };
  struct known_key {
    job_id job;
    instant accepted_at{};
  };
  using tenant_and_key = std::pair<tenant_id, std::string>;
  struct hash_of_key {
    std::size_t operator()(const tenant_and_key& k) const {
      return std::hash<std::string>{}(k.second) ^ std::hash<tenant_id>{}(k.first) << 1;
    }
  };

  template <class Answer> void answer(const reply_to<Answer>& reply, outcome<Answer, errc> what) {
    if (!deliver_) return reply(std::move(what));
    deliver_([reply, what = std::move(what)] { reply(what); });
  }
  accept_answer accept_one(const job_request& request);
  granted_job grant_one(const job_id& id, const grant_batch& m);
  errc end_one(const job_outcome& outcome, const batch_id& batch);
  void note_saved_key(const job_id& id, std::set<std::string>& keys) const;
  std::vector<std::string> released_of(const std::set<std::string>& keys) const; ///< those that no job has
  void keep(entry& e, saved_run saved);
  errc redrive_one(const job_id& id, const redrive_jobs& m);
  void note(entry& e, job_event what); ///< has just happened to it; the row's part of the event is filled in
  void note_end(entry& e, const job_outcome& o, bool overruled);
  void owe_webhook(const job_record& r);
  bool is_referenced(const object_key_parts& object) const;
  bool is_of_saved_run(const object_key_parts& object) const;
  entry* find(const tenant_id& tenant, const job_id& id);
  void finish(entry& e, job_state state, errc error);
  void forget_ended();
  instant steady_now() const;
  pause_list all_pauses() const;
  breaker_overrides all_breakers() const;
  bool is_poison(const sha256_digest& payload, const model_id& model) const;
  bool may_serve(job_record& r, const grant_batch& m);
  void learn(job_record& r, const job_outcome& o, verdict how);
  quota_kind full_queue(const job_request& request) const;
  quota_standing standing_of(const job_request& request) const;
  usage_by_class used_today(const tenant_id& tenant) const;
  usage_by_class count_today(const tenant_id& tenant) const;
  usage_by_class count_day(const tenant_id& tenant, std::int32_t day) const;
  bool move_quota(entry& e, job_class to);
  std::array<std::uint64_t, 4> queued(const tenant_id& tenant) const; ///< jobs that have not ended, by class
  calendar_day today(const tenant_id& tenant) const;
  std::vector<job_id> ids_in_order() const;
  std::uint64_t& unfinished_of(const job_request& r) { return unfinished_[r.tenant][static_cast<std::size_t>(r.cls)]; }
  bool stop(entry& e); ///< cancels, or marks a running job; false when it had ended

  const memory_ledger_options options_;
  const deliver_function deliver_;
  std::mutex mutex_;
  std::unordered_map<job_id, entry, uuid_hash> jobs_;
  std::unordered_map<tenant_and_key, known_key, hash_of_key> keys_;
  std::map<std::string, std::size_t> saved_keys_;                ///< of saved runs, and how many jobs have them
  std::map<tenant_id, std::array<std::uint64_t, 4>> unfinished_; ///< by class
  std::set<job_id> unfinished_ids_;
  drain_rate ends_;
  std::deque<ended_job> ended_; ///< in this order, where they are to be forgotten
  gpu_estimates estimates_;
  std::unordered_map<batch_id, std::uint32_t, uuid_hash> batches_; ///< and how many jobs were granted with it
  std::uint64_t term_ = 0;
  std::map<tenant_id, queue_pause> pauses_;
  std::map<std::string, drained_place> drained_;
  std::vector<audit_entry> audit_;                          ///< number 1 first
  std::map<std::pair<job_id, std::uint32_t>, owed> outbox_; ///< waiting ones, by job and generation
  std::map<std::pair<model_id, std::string>, breaker_override> breakers_;
  std::map<std::pair<std::array<std::uint8_t, 32>, model_id>, wall_time> poison_; ///< until when
};

} // namespace reel
