// ledger_versions_test.cpp: Ledgers that older versions wrote are opened, with all that is in them, and brought to the
// present schema. Method: a ledger of this version loses what each later version added, the latest first.
#include <catch2/catch_test_macros.hpp>

#include "actors/storage/sqlite/schema.hpp"
#include "tests/storage/ledger_audit.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

void change(const std::filesystem::path& file, const std::string& sql) {
  sqlite::connection db{file.string(), {}};
  db.run(sql);
}

using world = ledger_world<sqlite_kind>;

/// Makes the file what the version before operators' orders would have written.
void forget_orders(const std::filesystem::path& file) { change(file, "DROP TABLE audit; PRAGMA user_version=11"); }

/// Makes the file what the version before the stages' times would have written.
void forget_stage_times(const std::filesystem::path& file) {
  forget_orders(file);
  change(file, "DROP TABLE timing; PRAGMA user_version=10");
}

/// Makes the file what the version before notes about the cluster would have written.
void forget_notes(const std::filesystem::path& file) {
  forget_stage_times(file);
  change(file, "DROP TABLE note; ALTER TABLE event DROP COLUMN degraded; PRAGMA user_version=9");
}

/// Makes the file what the version before the audit log's monotonic times would have written.
void forget_times(const std::filesystem::path& file) {
  change(file, "DROP TABLE clock; ALTER TABLE leader DROP COLUMN mono_ns; ALTER TABLE event DROP COLUMN mono_ns; "
               "ALTER TABLE event DROP COLUMN not_before_ms; ALTER TABLE event DROP COLUMN class; "
               "PRAGMA user_version=5");
}

/// Makes the file what the version before checkpoints would have written.
void forget_resumed(const std::filesystem::path& file) {
  forget_notes(file);
  change(file, "DROP TABLE resumed; PRAGMA user_version=8");
}

/// Makes the file what the version before webhooks would have written.
void forget_webhooks(const std::filesystem::path& file) {
  forget_resumed(file);
  change(file, "DROP TABLE webhook; DROP TABLE delivery; PRAGMA user_version=7");
}

/// Makes the file what the version before redriven jobs would have written.
void forget_redrives(const std::filesystem::path& file) {
  forget_webhooks(file);
  change(file, "DROP VIEW job_log; DROP TABLE redrive; DROP INDEX job_dead; "
               "UPDATE job SET ended = 1 WHERE ended = 2; CREATE VIEW job_log AS SELECT 1; PRAGMA user_version=6");
}

/// Makes the file what the version before marks of executions would have written.
void forget_recovery(const std::filesystem::path& file) {
  forget_redrives(file);
  forget_times(file);
  change(file, "DROP TABLE recovery; DROP TABLE poison; DROP TABLE breaker; ALTER TABLE job DROP COLUMN keeps_model; "
               "PRAGMA user_version=4");
}

/// Makes the file what the version before quotas per day would have written: without their columns, which the checksums
/// of jobs do not cover then.
void forget_quotas(const std::filesystem::path& file) {
  forget_recovery(file);
  change(file, "DROP TABLE usage; DROP INDEX job_unfinished; ALTER TABLE job DROP COLUMN quota_day; "
               "ALTER TABLE job DROP COLUMN reserved_ms; "
               "CREATE INDEX job_unfinished ON job(id, tenant_no) WHERE ended = 0; PRAGMA user_version=3");
  sqlite::connection db{file.string(), {}};
  sqlite::statement jobs{db, "SELECT j.id, j.no, t.name, j.class, j.batch_key FROM job j JOIN tenant t ON t.no = "
                             "j.tenant_no WHERE j.deadline_ms IS NULL"};
  sqlite::statement update{db, "UPDATE job SET crc = ?2 WHERE no = ?1"};
  for (auto row = jobs.query(); row.next();)
    update.execute(
        row.integer(1),
        checksum_of(sqlite::job_constants{
            sqlite::id_from<job_id>(row.blob(0)), row.integer(1), row.text(2), row.integer(3), {}, row.text(4)}));
}

} // namespace

TEST_CASE("a ledger of the first version opens, with its jobs, and keeps saved runs and pauses from then on") {
  world w;
  auto l = w.leased();
  w.term();
  w.held.reset();
  const auto options = small_sqlite(w.folder, w.clock);
  forget_quotas(options.file);
  change(options.file, "DROP TABLE saved_run; DROP TABLE pause; ALTER TABLE job DROP COLUMN next_turn; "
                       "PRAGMA user_version=1");
  for (int opening = 0; opening < 2; ++opening) {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    auto run = world::saved_of(l);
    if (opening == 0) CHECK(call.end({w.term(), l.batch, {world::paused(l, run)}})->codes == std::vector{errc::ok});
    CHECK(call.unfinished()->jobs.at(0).saved_steps == run.steps);
    CHECK_FALSE(call.unfinished()->jobs.at(0).next_turn);
    if (opening == 0) CHECK(call.pause("acme"));
    CHECK(call.pauses()->all.size() == 1);
    if (opening == 0) CHECK(call.reprioritise(l.job, job_class::vip)->code == errc::ok);
    CHECK(call.read(l.job)->request.cls == job_class::vip);
  }
  sqlite::connection db{options.file.string(), {}};
  CHECK(db.number("PRAGMA user_version") == sqlite::schema_version);
  CHECK(ledger_audit::complaints_about(options.file).empty());
}

TEST_CASE("jobs of a version without marks open, get theirs from then on, and keep their model if they asked to") {
  world w;
  auto keeps = w.request();
  keeps.allow_degraded = false;
  REQUIRE(w.led.accept(keeps).code == errc::ok);
  const auto l = w.leased();
  w.term();
  w.held.reset();
  const auto options = small_sqlite(w.folder, w.clock);
  change(options.file, "UPDATE job SET keeps_model = 0"); // as that version had it: in the request alone
  {
    sqlite::connection db{options.file.string(), {}};
    sqlite::statement job{db, "SELECT no, class, batch_key, quota_day, reserved_ms FROM job WHERE id = ?1"};
    sqlite::statement update{db, "UPDATE job SET crc = ?2 WHERE no = ?1"};
    auto row = job.query(sqlite::bytes_of(keeps.id));
    REQUIRE(row.next());
    sqlite::job_constants c{keeps.id, row.integer(0), "acme", row.integer(1), {}, row.text(2)};
    c.quota_day = row.integer(3);
    c.reserved_ms = row.integer(4);
    update.execute(row.integer(0), checksum_of(c));
  }
  forget_recovery(options.file);
  recovery_mark mark{.batch_cap = 1, .suspect_count = 1, .crash_workers = {{"workers-1/0"}}};
  for (int opening = 0; opening < 2; ++opening) {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    auto crashed = world::how(l, verdict::retry);
    crashed.recovery = mark;
    if (opening == 0) CHECK(call.end({w.term(), l.batch, {crashed}})->codes == std::vector{errc::ok});
    CHECK(call.read(l.job)->recovery == mark);
    auto light = w.batch_of({keeps.id});
    light.term = w.term();
    light.served_model = {"wan-light"};
    light.degrade = degrade_reason::breaker;
    CHECK(call.grant(light)->jobs.at(0).code == errc::stale);
  }
  sqlite::connection db{options.file.string(), {}};
  CHECK(db.number("PRAGMA user_version") == sqlite::schema_version);
  CHECK(ledger_audit::complaints_about(options.file).empty());
}

TEST_CASE("jobs of a version without quotas per day take nothing of a day and give nothing back") {
  world w;
  const auto ends = w.leased(), fails = w.leased();
  w.accepted();
  w.term();
  w.held.reset();
  const auto options = small_sqlite(w.folder, w.clock);
  forget_quotas(options.file);
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    CHECK(call.quota()->all.queued == 3);
    CHECK(call.end({w.term(), ends.batch, {world::how(ends, verdict::succeeded)}})->codes[0] == errc::ok);
    CHECK(call.end({w.term(), fails.batch, {world::how(fails, verdict::failed)}})->codes[0] == errc::ok);
    CHECK(call.accept(w.request()).code == errc::ok);
    const auto all = call.quota()->all;
    CHECK(all.jobs == 1);
    CHECK(all.settled_ms == 0);
    CHECK(all.queued == 2);
  }
  sqlite::connection db{options.file.string(), {}};
  CHECK(db.number("PRAGMA user_version") == sqlite::schema_version);
  CHECK(db.number("SELECT count(*) FROM usage") == 1);
  CHECK(ledger_audit::complaints_about(options.file).empty());
}

TEST_CASE("jobs of a version without webhooks end without one, those that come after it are told") {
  world w;
  const auto old = w.leased();
  w.term();
  w.held.reset();
  const auto options = small_sqlite(w.folder, w.clock);
  forget_webhooks(options.file);
  auto request = w.request();
  request.webhook_url = "https://example.org/done";
  for (int opening = 0; opening < 2; ++opening) {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    if (opening == 0) {
      CHECK(call.end({w.term(), old.batch, {world::how(old, verdict::succeeded)}})->codes[0] == errc::ok);
      REQUIRE(call.accept(request).code == errc::ok);
      auto batch = w.batch_of({request.id});
      batch.term = w.term();
      REQUIRE(call.grant(batch)->jobs.at(0).code == errc::ok);
      job_outcome o{request.id, 1, verdict::failed};
      CHECK(call.end({w.term(), batch.batch, {o}})->codes[0] == errc::ok);
    }
    const auto due = call.outbox({w.clock.now(), 1h, 10});
    REQUIRE(due.size() == 1); // also after it was opened again
    CHECK(due[0].job == request.id);
    CHECK(due[0].url == request.webhook_url);
  }
  sqlite::connection db{options.file.string(), {}};
  CHECK(db.number("PRAGMA user_version") == sqlite::schema_version);
  CHECK(ledger_audit::complaints_about(options.file).empty());
}

TEST_CASE("jobs that died under a version that redrives none are listed and can be redriven") {
  world w;
  const auto l = w.leased();
  w.end(l, verdict::failed);
  w.end(w.leased(), verdict::succeeded);
  w.held.reset();
  const auto options = small_sqlite(w.folder, w.clock);
  forget_redrives(options.file);
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    REQUIRE(call.dead()->jobs.size() == 1);
    CHECK(call.dead()->jobs[0].id == l.job);
    CHECK(call.redrive(l.job) == errc::ok);
    CHECK(call.dead()->jobs.empty());
  }
  CHECK(ledger_audit::complaints_about(options.file).empty());
}
