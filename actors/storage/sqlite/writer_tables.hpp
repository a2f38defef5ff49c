// writer_tables.hpp: The statements of the ledger's writer, one function each. Knows SQL and nothing else:
// what may happen is decided in ledger_rules.hpp. Every change of a job is conditional on the version that
// was read (reliability.md 2.2) and throws std::logic_error when it misses, which only another writer could
// cause.
#pragma once

#include <unordered_map>
#include <vector>

#include "actors/storage/ledger_rules.hpp"
#include "actors/storage/outbox.hpp"
#include "actors/storage/quota.hpp"
#include "actors/storage/sqlite/pauses.hpp"
#include "actors/storage/sqlite/rows.hpp"
#include "actors/storage/sqlite/tenant_list.hpp"
#include "messages/history.hpp"

namespace reel::sqlite {

/// A row of `job`, as far as a transition needs it.
struct job_row {
  job_id id;
  std::int64_t no = 0;
  const tenant_id* tenant = nullptr; ///< null: unknown, so not sound
  bool sound = false;                ///< false: damaged, to be left as it is
  row_state now;
  bool hidden = false;
  std::uint32_t generation = 1;
  std::uint32_t version = 1;
  std::uint32_t attempts_used = 0;
  std::int64_t batch_no = 0; ///< of the latest grant; 0 before
  std::uint64_t gpu_ms = 0;
  bool has_saved_run = false;
  bool has_webhook = false;
  bool has_recovery = false;
  std::optional<wall_time> deadline;
  job_class cls = job_class::standard;
  std::uint64_t kind = 0;           ///< of gpu_estimates
  std::optional<reservation> quota; ///< none: accepted before there were quotas per day
};

struct batch_row {
  std::int64_t no = 0;
  batch_id id;
  std::uint64_t term = 0;
  worker_id worker;
  model_id served_model;
  std::size_t jobs = 0;
};

struct event_row {
  event_kind kind = event_kind::accepted;
  job_state to = job_state::queued;
  std::int64_t position = 0;
  std::int64_t batch_no = 0;
  errc cause = errc::ok;
  bool counted = false;
  std::uint64_t gpu_ms = 0;
  std::int64_t mono_ns = 0;                       ///< when, by the clock of note_clock()
  std::optional<wall_time> not_before;            ///< of a retry
  std::optional<job_class> cls;                   ///< the new one, where that is what happened
  degrade_reason degraded = degrade_reason::none; ///< of a grant
};

/// What an end without success leaves in the row.
struct ending {
  job_state to = job_state::failed;
  errc error = errc::ok;
  std::string_view message;
  std::uint32_t attempts_used = 0;
  std::uint64_t gpu_ms = 0;
  std::optional<wall_time> not_before; ///< of a retry
};

class writer_tables {
public:
  explicit writer_tables(connection& db) : db_{db} {}

  std::optional<job_row> find_job(const job_id& id, const tenant_list& tenants);
  bool job_exists(const job_id& id);
  /// `encoded_key`: its batch key. Of gpu_estimates.
  static std::uint64_t kind_of(std::string_view encoded_key);
  void insert_job(const job_request& request, std::int64_t no, std::int64_t tenant_no, std::string_view encoded_key,
                  const reservation& quota);
  void insert_request(std::int64_t job_no, std::string_view body);
  std::optional<std::string> find_request(std::int64_t job_no);

  // Each raises the version by one and adds the event; `row` is as it was read.
  void grant(const job_row& row, const event_row& e, wall_time now);
  void mark_cancelled(const job_row& row, const event_row& e, wall_time now);
  void finish(const job_row& row, const ending& how, const event_row& e, wall_time now);
  void retry(const job_row& row, const ending& how, const event_row& e, wall_time now);
  void hide(const job_row& row, const event_row& e, wall_time now);
  void reprioritise(const job_row& row, job_class to, const event_row& e, wall_time now);
  void redrive(const job_row& row, const redrive_jobs& m, const event_row& e, wall_time now);
  void insert_accepted_event(std::int64_t job_no, const event_row& e, wall_time now);

  void insert_batch(const batch_row& batch, wall_time now);
  std::int64_t find_batch(const batch_id& id); ///< its number; 0: none
  model_id served_model(std::int64_t batch_no);
  void insert_result(const result_row& result);
  /// Empty also when the row is damaged.
  std::optional<result_row> find_result(std::int64_t job_no, std::uint32_t generation);

  void save_run(std::int64_t job_no, const saved_run& run); ///< in place of an earlier one
  saved_run find_saved_run(std::int64_t job_no);            ///< none also when the row is damaged
  void remove_saved_run(std::int64_t job_no);
  bool has_saved_run(std::string_view key);                    ///< any job
  void insert_resumed(const job_row& row, std::int32_t steps); ///< of the grant that follows `row`

  void insert_times(const job_row& row, const stage_times& t); ///< of the execution whose end follows `row`

  void insert_webhook(std::int64_t job_no, std::string_view url);
  void insert_delivery(const job_row& row, std::string_view body, wall_time now); ///< due at once
  void record(const delivery_result& r);

  pause_list all_pauses();
  void insert_pause(const set_pause& m, wall_time now);
  void delete_pause(const set_pause& m);

  using key_hash = std::array<std::uint8_t, 16>; ///< of tenant and idempotency key
  struct known_key {
    std::int64_t job_no = 0;
    wall_time accepted_at{};
  };
  std::optional<known_key> find_key(const key_hash& hash);
  void insert_key(std::int64_t job_no, const key_hash& hash, wall_time now);
  void delete_key(std::int64_t job_no);
  int delete_keys_before(wall_time oldest); ///< at most 512 at once, oldest first; how many
  void date_keys_back(wall_time now);       ///< those of the oldest 512 that are dated later

  usage_by_class find_usage(std::int64_t tenant_no, std::int32_t day);
  void change_usage(const quota_book::place& at, const day_usage& by);
  int delete_usage_before(std::int32_t day); ///< at most 512 rows at once; how many

  void insert_leader(std::uint64_t term, const take_leadership& who, std::int64_t position, std::int64_t mono_ns,
                     wall_time now);
  void insert_note(const cluster_note& n, std::int64_t position, std::int64_t mono_ns, wall_time now);
  int delete_old_notes(std::size_t kept); ///< all but the latest; how many
  /// From this position on events are timed by it; where it is still the same, nothing is written.
  void note_clock(std::int64_t position, std::string_view name);
  void insert_tenant(std::int64_t no, const tenant_id& tenant);
  void save_counter(std::string_view name, std::int64_t value);
  std::int64_t find_counter(std::string_view name); ///< 0: none

  // At start.
  std::vector<std::pair<std::int64_t, tenant_id>> all_tenants();
  std::unordered_map<std::int64_t, std::array<std::uint64_t, 4>> count_unfinished(); ///< by tenant number and class
  struct last_numbers {
    std::int64_t job = 0, batch = 0, position = 0;
    std::uint64_t term = 0;
  };
  last_numbers find_last_numbers();

private:
  void add_event(const job_row& row, const event_row& e, wall_time now);
  static void expect_one(int rows);

  connection& db_;
  statement find_job_{db_, "SELECT no, tenant_no, state, fence, cancel_requested, hidden, generation, version, "
                           "attempts_used, batch_no, gpu_ms, class, deadline_ms, batch_key, crc, next_turn, quota_day, "
                           "reserved_ms, EXISTS(SELECT 1 FROM saved_run WHERE job_no = job.no), keeps_model, "
                           "EXISTS(SELECT 1 FROM recovery WHERE job_no = job.no), "
                           "EXISTS(SELECT 1 FROM webhook WHERE job_no = job.no) FROM job WHERE id = ?1"};
  statement job_exists_{db_, "SELECT 1 FROM job WHERE id = ?1"};
  statement insert_job_{db_, "INSERT INTO job VALUES(?1, ?2, ?3, 0, 0, 0, 0, 1, 1, 0, 0, NULL, 0, NULL, NULL, 0, NULL, "
                             "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
  statement insert_request_{db_, "INSERT INTO request VALUES(?1, ?2)"};
  statement find_request_{db_, "SELECT body FROM request WHERE job_no = ?1"};

  statement grant_{db_, "UPDATE job SET state = 1, version = version + 1, fence = fence + 1, batch_no = ?4, "
                        "not_before_ms = NULL WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement mark_{db_, "UPDATE job SET cancel_requested = 1, version = version + 1 "
                       "WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement finish_{db_, "UPDATE job SET state = ?4, ended = ?10, version = version + 1, error = ?5, message = ?6, "
                         "attempts_used = ?7, gpu_ms = ?8, finished_at_ms = ?9, not_before_ms = NULL "
                         "WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement retry_{db_, "UPDATE job SET state = 2, version = version + 1, attempts_used = ?4, gpu_ms = ?5, "
                        "not_before_ms = ?6 WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement hide_{db_, "UPDATE job SET hidden = 1, version = version + 1 "
                       "WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement reprioritise_{db_, "UPDATE job SET class = ?4, crc = ?5, version = version + 1 "
                               "WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement redrive_{db_, "UPDATE job SET state = 0, ended = 0, version = version + 1, generation = generation + 1, "
                          "attempts_used = 0, batch_no = NULL, error = 0, message = NULL, finished_at_ms = NULL "
                          "WHERE id = ?1 AND state = ?2 AND version = ?3"};
  statement insert_redrive_{db_, "INSERT INTO redrive VALUES(?1, ?2, ?3, ?4)"};
  statement insert_event_{db_, "INSERT INTO event VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                               "?13, ?14, ?15, ?16)"};
  statement insert_note_{db_, "INSERT INTO note VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"};
  statement delete_notes_{db_, "DELETE FROM note WHERE position <= "
                               "(SELECT position FROM note ORDER BY position DESC LIMIT 1 OFFSET ?1)"};

  statement insert_batch_{db_, "INSERT INTO batch VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
  statement find_batch_{db_, "SELECT no FROM batch WHERE id = ?1"};
  statement served_model_{db_, "SELECT served_model FROM batch WHERE no = ?1"};
  statement insert_result_{db_, "INSERT INTO outbox VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"};
  statement find_result_{db_,
                         "SELECT fence, video_bytes, video_sha256, thumbnail_bytes, thumbnail_sha256, crc FROM outbox "
                         "WHERE job_no = ?1 AND generation = ?2"};

  statement save_run_{db_, "INSERT OR REPLACE INTO saved_run VALUES(?1, ?2, ?3, ?4, ?5)"};
  statement find_saved_run_{db_, "SELECT key, bytes, steps, crc FROM saved_run WHERE job_no = ?1"};
  statement remove_saved_run_{db_, "DELETE FROM saved_run WHERE job_no = ?1"};
  statement has_saved_run_{db_, "SELECT 1 FROM saved_run WHERE key = ?1 LIMIT 1"};
  statement insert_resumed_{db_, "INSERT INTO resumed VALUES(?1, ?2, ?3)"};
  statement insert_times_{db_, "INSERT INTO timing VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"};

  statement insert_webhook_{db_, "INSERT INTO webhook VALUES(?1, ?2, ?3)"};
  statement insert_delivery_{db_, "INSERT INTO delivery VALUES(?1, ?2, ?3, ?4, ?5, ?5, 0, 0, 0, ?6)"};
  statement record_delivery_{db_, "UPDATE delivery SET state = ?3, tries = ?4, status = ?5, due_ms = ?6 "
                                  "WHERE id = ?1 AND generation = ?2 AND state = 0"};

  statement select_pauses_{db_, select_pauses};
  statement insert_pause_{db_, "INSERT OR IGNORE INTO pause VALUES(?1, ?2, ?3)"};
  statement delete_pause_{db_, "DELETE FROM pause WHERE tenant = ?1"};

  statement find_key_{db_, "SELECT job_no, at_ms FROM idempotency WHERE key_hash = ?1"};
  statement insert_key_{db_, "INSERT INTO idempotency VALUES(?1, ?2, ?3)"};
  statement delete_key_{db_, "DELETE FROM idempotency WHERE job_no = ?1"};
  statement delete_keys_{db_, "DELETE FROM idempotency WHERE at_ms < ?1 AND job_no IN "
                              "(SELECT job_no FROM idempotency ORDER BY job_no LIMIT 512)"};

  statement date_keys_back_{db_, "UPDATE idempotency SET at_ms = ?1 WHERE at_ms > ?1 AND job_no IN "
                                 "(SELECT job_no FROM idempotency ORDER BY job_no LIMIT 512)"};

  statement find_usage_{db_,
                        "SELECT class, jobs, reserved_ms, settled_ms FROM usage WHERE tenant_no = ?1 AND day = ?2"};
  statement change_usage_{db_, "INSERT INTO usage VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(tenant_no, day, class) DO "
                               "UPDATE SET jobs = jobs + excluded.jobs, reserved_ms = reserved_ms + "
                               "excluded.reserved_ms, settled_ms = settled_ms + excluded.settled_ms"};
  statement delete_usage_{db_, "DELETE FROM usage WHERE (tenant_no, day, class) IN "
                               "(SELECT tenant_no, day, class FROM usage WHERE day < ?1 LIMIT 512)"};

  statement insert_leader_{db_, "INSERT INTO leader VALUES(?1, ?2, ?3, ?4, ?5, ?6)"};
  statement insert_tenant_{db_, "INSERT INTO tenant VALUES(?1, ?2)"};
  statement save_counter_{db_, "INSERT INTO counter VALUES(?1, ?2) "
                               "ON CONFLICT(name) DO UPDATE SET value = excluded.value"};
};

} // namespace reel::sqlite
