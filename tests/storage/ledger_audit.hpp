// ledger_audit.hpp: Reads a SQLite ledger's file from outside and says what is wrong with it: the invariants
// of reliability.md 4.2 that one ledger can show (I2, I4 to I10), and that tables, indexes and checksums
// agree. Slow and plain on purpose; shares no code with the ledger's writing half.
#pragma once

#include <filesystem>
#include <map>
#include <set>

#include "actors/storage/ledger_rules.hpp"
#include "actors/storage/request_codec.hpp"
#include "actors/storage/sqlite/rows.hpp"

namespace reel {

class ledger_audit {
public:
  /// What is wrong, one sentence each; empty: nothing.
  static std::vector<std::string> complaints_about(const std::filesystem::path& file) {
    ledger_audit audit{file};
    audit.check_tables();
    audit.check_quotas();
    audit.check_webhooks();
    audit.read_leaders();
    for (auto& [no, job] : audit.read_jobs()) audit.check(no, job);
    return audit.complaints_;
  }

private:
  struct event {
    std::int64_t version, position, kind, from, to, fence, batch, cause, counted;
  };
  struct job {
    std::string id;
    std::int64_t state, ended, hidden, cancel_requested, version, fence, attempts, results, result_fence;
    std::vector<event> events;
  };

  explicit ledger_audit(const std::filesystem::path& file) : db_{file.string(), {}} {}

  void complain(const std::string& about, const std::string& what) { complaints_.push_back(about + ": " + what); }

  void check_tables() {
    sqlite::statement integrity{db_, "PRAGMA integrity_check"};
    for (auto row = integrity.query(); row.next();)
      if (row.text(0) != "ok") complain("file", std::string{row.text(0)});
    if (db_.number("SELECT count(*) FROM outbox WHERE job_no NOT IN (SELECT no FROM job)") != 0)
      complain("outbox", "a result of no job");
    if (db_.number("SELECT count(*) FROM idempotency WHERE job_no NOT IN (SELECT no FROM job)") != 0)
      complain("idempotency", "a key of no job");
    if (db_.number("SELECT count(*) FROM saved_run WHERE job_no NOT IN (SELECT no FROM job WHERE ended = 0)") != 0)
      complain("saved_run", "of a job that has ended, or of none");
    if (db_.number("SELECT count(*) FROM event WHERE job_no NOT IN (SELECT no FROM job)") != 0)
      complain("event", "an event of no job (I4)");
    if (db_.number("SELECT count(*) - count(DISTINCT position) FROM (SELECT position FROM event UNION ALL SELECT "
                   "position FROM leader)") != 0)
      complain("event", "two events at one position");
    if (db_.number("SELECT count(*) FROM batch b WHERE jobs != (SELECT count(*) FROM event e WHERE e.kind = 1 AND "
                   "e.batch_no = b.no)") != 0)
      complain("batch", "its size is not the number of its grants");
    sqlite::statement requests{db_, "SELECT r.body, j.id FROM job j LEFT JOIN request r ON r.job_no = j.no"};
    for (auto row = requests.query(); row.next();) {
      auto request = stored::decode_request(row.text(0));
      if (!request || request->id != sqlite::id_from<job_id>(row.blob(1))) complain("request", "does not read back");
    }
    check_checksums();
  }

  void check_checksums() {
    sqlite::statement jobs{
        db_, "SELECT j.id, j.no, t.name, j.class, j.deadline_ms, j.batch_key, j.crc, j.next_turn, "
             "j.quota_day, j.reserved_ms, j.keeps_model FROM job j LEFT JOIN tenant t ON t.no = j.tenant_no"};
    for (auto row = jobs.query(); row.next();) {
      sqlite::job_constants job{sqlite::id_from<job_id>(row.blob(0)),
                                row.integer(1),
                                row.text(2),
                                row.integer(3),
                                {},
                                row.text(5),
                                row.integer(7) != 0,
                                {},
                                row.integer(9),
                                row.integer(10) != 0};
      if (!row.is_null(4)) job.deadline_ms = row.integer(4);
      if (!row.is_null(8)) job.quota_day = row.integer(8);
      if (checksum_of(job) != row.integer(6)) complain("job", "its checksum does not agree");
    }
    sqlite::statement results{db_, "SELECT job_no, generation, fence, video_bytes, video_sha256, thumbnail_bytes, "
                                   "thumbnail_sha256, crc FROM outbox"};
    for (auto row = results.query(); row.next();) {
      const sqlite::result_row result{row.integer(0), static_cast<std::uint32_t>(row.integer(1)),
                                      static_cast<std::uint32_t>(row.integer(2)), sqlite::object_from(row, 3),
                                      sqlite::object_from(row, 5)};
      if (checksum_of(result) != row.integer(7)) complain("outbox", "its checksum does not agree");
    }
  }

  /// What is kept of use is what the jobs say (I11): those that have not ended hold their reservations, those that
  /// succeeded what their last execution was measured to take. Days that were forgotten are of no interest.
  void check_quotas() {
    sqlite::statement jobs{
        db_, "SELECT u.tenant_no, u.day, u.class, u.jobs, u.reserved_ms, u.settled_ms, count(j.no), "
             "ifnull(sum(iif(j.ended = 0, j.reserved_ms, 0)), 0), "
             "ifnull(sum((SELECT e.gpu_ms FROM event e WHERE e.job_no = j.no AND e.kind = 3 AND e.to_state = 3)), 0) "
             "FROM usage u LEFT JOIN job j ON j.tenant_no = u.tenant_no AND j.quota_day = u.day AND j.class = u.class "
             "AND j.state <= 3 GROUP BY u.tenant_no, u.day, u.class"};
    for (auto row = jobs.query(); row.next();) {
      const auto about =
          "usage of tenant " + std::to_string(row.integer(0)) + " on day " + std::to_string(row.integer(1));
      compare(about, "jobs", row.integer(3), row.integer(6));
      compare(about, "reserved ms", row.integer(4), row.integer(7));
      compare(about, "settled ms", row.integer(5), row.integer(8));
    }
    if (db_.number(
            "SELECT count(*) FROM job j WHERE j.quota_day IS NOT NULL AND NOT EXISTS (SELECT 1 FROM usage u WHERE "
            "u.tenant_no = j.tenant_no AND u.day = j.quota_day AND u.class = j.class)") != 0)
      complain("usage", "nothing of a job's day");
  }

  /// The end of a job with a webhook and what its receiver is owed are one transaction: never one without the other.
  void check_webhooks() {
    const std::string ends = " FROM event e JOIN webhook w ON w.job_no = e.job_no JOIN job j ON j.no = e.job_no "
                             "WHERE e.kind = 3 AND e.to_state IN (3, 4, 6)";
    const std::string generation = "(SELECT 1 + count(*) FROM redrive r WHERE r.job_no = e.job_no AND "
                                   "r.version <= e.version)";
    if (db_.number("SELECT count(*)" + ends + " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.id = j.id AND " +
                   "d.job_no = j.no AND d.generation = " + generation + ")") != 0)
      complain("delivery", "a job with a webhook ended, and nothing is owed for it");
    if (db_.number("SELECT count(*) FROM delivery") != db_.number("SELECT count(*)" + ends))
      complain("delivery", "something is owed for what did not happen");
    sqlite::statement deliveries{db_, "SELECT id, generation, body, made_ms, crc FROM delivery"};
    for (auto row = deliveries.query(); row.next();) {
      const sqlite::delivery_constants d{sqlite::id_from<job_id>(row.blob(0)),
                                         static_cast<std::uint32_t>(row.integer(1)), row.text(2), row.integer(3)};
      if (checksum_of(d) != row.integer(4)) complain("delivery", "its checksum does not agree");
    }
  }

  void read_leaders() {
    sqlite::statement all{db_, "SELECT position, term FROM leader ORDER BY position"};
    std::int64_t last = 0;
    for (auto row = all.query(); row.next(); last = row.integer(1)) {
      if (row.integer(1) <= last) complain("leader", "a term that is not higher (I8)");
      terms_[row.integer(0)] = row.integer(1);
    }
    sqlite::statement batches{db_, "SELECT no, term FROM batch"};
    for (auto row = batches.query(); row.next();) batch_terms_[row.integer(0)] = row.integer(1);
  }

  std::map<std::int64_t, job> read_jobs() {
    std::map<std::int64_t, job> jobs;
    sqlite::statement all{db_, "SELECT no, lower(hex(id)), state, ended, hidden, cancel_requested, version, fence, "
                               "attempts_used, (SELECT count(*) FROM outbox o WHERE o.job_no = no), "
                               "(SELECT max(fence) FROM outbox o WHERE o.job_no = no) FROM job"};
    for (auto row = all.query(); row.next();)
      jobs[row.integer(0)] = {std::string{row.text(1)},
                              row.integer(2),
                              row.integer(3),
                              row.integer(4),
                              row.integer(5),
                              row.integer(6),
                              row.integer(7),
                              row.integer(8),
                              row.integer(9),
                              row.integer(10),
                              {}};
    sqlite::statement events{db_, "SELECT job_no, version, position, kind, from_state, to_state, fence, batch_no, "
                                  "cause, counted FROM event ORDER BY job_no, version"};
    for (auto row = events.query(); row.next();)
      jobs[row.integer(0)].events.push_back({row.integer(1), row.integer(2), row.integer(3),
                                             row.is_null(4) ? -1 : row.integer(4), row.integer(5), row.integer(6),
                                             row.integer(7), row.integer(8), row.integer(9)});
    return jobs;
  }

  void check(std::int64_t, const job& j) {
    std::int64_t version = 0, position = 0, state = -1, fence = 0, counted = 0, successes = 0;
    bool cancel_requested = false, hidden = false;
    for (const auto& e : j.events) {
      if (e.version != ++version) complain(j.id, "a gap or repetition in its versions (I5)");
      if (e.position <= position) complain(j.id, "positions do not follow its versions (I5)");
      position = e.position;
      if (e.from != state) complain(j.id, "an event does not start where the one before ended (I5)");
      if (!legal(e, state)) complain(j.id, "an illegal transition at version " + std::to_string(e.version) + " (I5)");
      if (e.kind == 1) {
        if (e.fence != fence + 1) complain(j.id, "a grant that does not raise the fence by one (I5)");
        if (cancel_requested) complain(j.id, "granted after a cancel request (I7)");
        if (batch_terms_[e.batch] != term_at(e.position)) complain(j.id, "granted under a term that was over (I8)");
        fence = e.fence;
      } else if (e.fence != fence) {
        complain(j.id, "an event with another fence than the current (I6)");
      }
      if (e.kind == 2) cancel_requested = true;
      if (e.kind == 3) counted += e.counted;
      if (e.kind == 4) hidden = true;
      if (e.kind == 6) counted = 0;
      if (e.to == 3 && e.kind == 3 && (cancel_requested || ++successes > 1))
        complain(j.id, "a success after a cancel request or another success (I2, I7)");
      state = e.to;
    }
    compare(j.id, "version", j.version, version);
    compare(j.id, "state", j.state, state);
    compare(j.id, "fence", j.fence, fence);
    compare(j.id, "counted attempts (I9)", j.attempts, counted);
    compare(j.id, "hidden", j.hidden, hidden);
    compare(j.id, "cancel request", j.cancel_requested, cancel_requested);
    compare(j.id, "ended", j.ended, state == 4 || state == 6 ? 2 : is_terminal(static_cast<job_state>(state)));
    compare(j.id, "results (I2)", j.results, state == 3);
    if (j.results > 0) compare(j.id, "fence of the result (I2)", j.result_fence, fence);
  }

  static bool legal(const event& e, std::int64_t from) {
    const bool waiting = from == 0 || from == 2, terminal = from >= 3;
    switch (e.kind) {
    case 0: return from == -1 && e.to == 0;
    case 1: return waiting && e.to == 1;
    case 2: return from == 1 && e.to == 1;
    case 3: return (from == 1 && e.to >= 2) || (waiting && (e.to == 5 || e.to == 6)); // both terminal: I5, I10
    case 4: return (terminal || from == 1) && e.to == from;
    case 5: return waiting && e.to == from;
    case 6: return (from == 4 || from == 6) && e.to == 0;
    default: return false;
    }
  }

  std::int64_t term_at(std::int64_t position) const {
    auto after = terms_.upper_bound(position);
    return after == terms_.begin() ? 0 : std::prev(after)->second;
  }

  void compare(const std::string& id, const std::string& what, std::int64_t row, std::int64_t events) {
    if (row != events)
      complain(id,
               what + " is " + std::to_string(row) + " in the row and " + std::to_string(events) + " by its events");
  }

  sqlite::connection db_;
  std::map<std::int64_t, std::int64_t> terms_, batch_terms_;
  std::vector<std::string> complaints_;
};

} // namespace reel
