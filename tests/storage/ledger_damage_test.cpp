// ledger_damage_test.cpp: What the SQLite ledger does with a file in which bits have changed: it starts, serves what is
// whole, answers errc::corrupt for what is not, and never guesses. One damage at a time, in every column that never
// changes.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "actors/storage/admission.hpp"
#include "actors/storage/byte_codec.hpp"
#include "actors/storage/request_codec.hpp"
#include "actors/storage/sqlite/connection.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

using world = ledger_world<sqlite_kind>;

/// Closes the world's ledger and changes its file; gives a ledger on it, as after a restart.
std::unique_ptr<sqlite_ledger> reopened_after(world& w, const std::string& sql, world_options o = {}) {
  w.held.reset();
  auto options = small_sqlite(w.folder, w.clock);
  options.limits = o.limits;
  options.fatal = [](const std::string& why) { FAIL(why); };
  {
    sqlite::connection db{options.file.string(), {}};
    db.run(sql);
  }
  return std::make_unique<sqlite_ledger>(options, run_at_once);
}

std::string blob_of(const job_id& id) { return "x'" + hex_of(id) + "'"; }

bool shows(ledger_caller& call, const std::string& tenant, const job_id& id) {
  const auto page = *call.list({{tenant}, {}, 100, true});
  return std::ranges::any_of(page.jobs, [&id](const job_record& r) { return r.request.id == id; });
}

/// Writes a newer version's number over that of a stored request, with a checksum that agrees.
std::string as_of_newer_version(const world& w, std::int64_t job_no) {
  sqlite::connection db{(w.folder.path() / "ledger.db").string(), {}};
  sqlite::statement find{db, "SELECT body FROM request WHERE job_no = ?1"};
  auto row = find.query(job_no);
  row.next();
  std::string body{row.text(0)};
  body.resize(body.size() - 4);
  ++body[0];
  stored::byte_writer{body}.raw(stored::crc32c(body));
  return "UPDATE request SET body = x'" + to_hex(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()) +
         "' WHERE job_no = " + std::to_string(job_no);
}

} // namespace

// ---------------------------------------------------------------- the request

TEST_CASE("a damaged request is quarantined when it is granted, and never shown") {
  const auto* damage = GENERATE("UPDATE request SET body = CAST(replace(CAST(body AS TEXT), 'cats', 'dogs') AS BLOB) "
                                "WHERE job_no = 1",
                                "UPDATE request SET job_no = 77 WHERE job_no = 1", // the row of nobody
                                "DELETE FROM request WHERE job_no = 1",
                                "UPDATE request SET body = (SELECT body FROM request WHERE job_no = 2) "
                                "WHERE job_no = 1"); // whole, but another job's
  INFO(damage);
  world w;
  auto bad = w.accepted(), good = w.accepted();
  w.term();
  auto led = reopened_after(w, damage);
  ledger_caller call{*led};
  CHECK(call.read(bad).error() == errc::corrupt);
  CHECK(call.unfinished()->jobs.size() == 2); // it must come to a grant to be found out
  auto granted = call.grant(w.batch_of({bad, good}));
  REQUIRE(granted);
  CHECK(granted->jobs[0].code == errc::corrupt);
  CHECK(granted->jobs[0].request == job_request{});
  CHECK(granted->jobs[1].code == errc::ok);
  CHECK(call.unfinished()->jobs.size() == 1);
  auto page = call.list({{"acme"}, {}, 10, true});
  REQUIRE(page->jobs.size() == 2);
  CHECK(page->jobs[0].request.id == bad);
  CHECK(page->jobs[0].request.prompt.empty());
  CHECK(page->jobs[0].state == job_state::dead_letter);
  CHECK(page->jobs[0].error == errc::corrupt);
  CHECK(page->jobs[1].request.id == good);
}

TEST_CASE("a request of a newer version is not touched: that version will run it") {
  world w;
  auto keyed = w.keyed("k");
  w.led.accept(keyed);
  w.term();
  w.held.reset();
  auto led = reopened_after(w, as_of_newer_version(w, 1));
  ledger_caller call{*led};
  CHECK(call.grant(w.batch_of({keyed.id}))->jobs[0].code == errc::unsupported);
  CHECK(call.read(keyed.id).error() == errc::unsupported);
  CHECK(call.accept(w.keyed("k")).code == errc::unsupported);
  auto page = call.list({{"acme"}, {}, 10, true});
  REQUIRE(page->jobs.size() == 1);
  CHECK(page->jobs[0].error == errc::unsupported);
  CHECK(page->jobs[0].state == job_state::queued);
  CHECK(page->jobs[0].version == 1);
}

TEST_CASE("a key that leads to another job answers for nothing") {
  world w;
  auto first = w.keyed("k"), other = w.keyed("other", "umbrella");
  w.led.accept(first);
  w.led.accept(other); // the same payload
  auto led = reopened_after(w, "DELETE FROM idempotency WHERE job_no = 2; UPDATE idempotency SET job_no = 2");
  CHECK(ledger_caller{*led}.accept(w.keyed("k")).code == errc::corrupt);
}

// ---------------------------------------------------------------- the job's row

TEST_CASE("a job whose row is damaged is left as it is, and its neighbours go on") {
  const auto* damage = GENERATE(
      "UPDATE job SET no = 2 WHERE no = 1",        // its neighbour's request
      "UPDATE job SET next_turn = 1 WHERE no = 1", // another's place
      "UPDATE job SET no = 900 WHERE no = 1",      // nobody's
      "UPDATE job SET tenant_no = 2 WHERE no = 1", // its neighbour's tenant
      "UPDATE job SET tenant_no = 3 WHERE no = 1", // one that is still to come
      "UPDATE job SET tenant_no = -1 WHERE no = 1",
      "UPDATE job SET tenant_no = 1 << 40 WHERE no = 1", //
      "UPDATE job SET class = 0 WHERE no = 1", "UPDATE job SET deadline_ms = deadline_ms + 256 WHERE no = 1",
      "UPDATE job SET deadline_ms = NULL WHERE no = 1", "UPDATE job SET batch_key = zeroblob(20) WHERE no = 1",
      "UPDATE job SET quota_day = quota_day + 1 WHERE no = 1", "UPDATE job SET quota_day = NULL WHERE no = 1",
      "UPDATE job SET reserved_ms = reserved_ms - 1 WHERE no = 1", "UPDATE job SET crc = crc + 1 WHERE no = 1");
  INFO(damage);
  world w;
  auto r = w.request();
  r.deadline = w.clock.now() + 1h;
  REQUIRE(w.led.accept(r).code == errc::ok);
  const auto bad = r.id, good = w.accepted("umbrella");
  w.term();
  auto led = reopened_after(w, damage);
  ledger_caller call{*led};
  REQUIRE(call.unfinished()->jobs.size() == 1);
  CHECK(call.unfinished()->jobs[0].id == good);
  CHECK(call.unfinished({{}, 1})->has_more == false);
  auto running = w.batch_of({bad, good});
  auto granted = call.grant(running);
  CHECK(granted->jobs[0].code == errc::corrupt);
  CHECK(granted->jobs[1].code == errc::ok);
  CHECK(call.read(bad).error() == errc::corrupt);
  CHECK(call.cancel(bad).error() == errc::corrupt);
  CHECK(call.remove(bad).error() == errc::corrupt);
  for (std::string tenant : {"acme", "umbrella", "newcomer"}) CHECK(call.accept(w.request(tenant)).code == errc::ok);
  for (std::string tenant : {"umbrella", "newcomer"}) {
    CHECK(call.read(bad, tenant).error() == errc::not_found);
    CHECK(call.cancel(bad, tenant).error() != errc::ok);
    CHECK_FALSE(shows(call, tenant, bad));
  }
  auto everything = call.list({{}, {}, 1, true});
  REQUIRE(everything->jobs.size() == 1);
  CHECK(everything->has_more);
  CHECK(everything->jobs[0].error == errc::corrupt);
  CHECK(everything->jobs[0].version == 1);
  CHECK(everything->jobs[0].request.prompt.empty());
  CHECK(call.end({w.term(), running.batch, {{good, 1}}})->codes[0] == errc::ok);
}

TEST_CASE("a job whose id is damaged is no job, under neither name") {
  world w;
  const auto bad = w.accepted(), good = w.accepted();
  w.term();
  auto flipped = bad;
  flipped.bytes[9] ^= 4;
  auto led = reopened_after(w, "UPDATE job SET id = " + blob_of(flipped) + " WHERE id = " + blob_of(bad));
  ledger_caller call{*led};
  REQUIRE(call.unfinished()->jobs.size() == 1);
  CHECK(call.unfinished()->jobs[0].id == good);
  CHECK(call.read(bad).error() == errc::not_found);
  CHECK(call.read(flipped).error() == errc::corrupt);
  auto granted = call.grant(w.batch_of({bad, flipped, good}));
  CHECK(granted->jobs[0].code == errc::stale);
  CHECK(granted->jobs[1].code == errc::corrupt);
  CHECK(granted->jobs[2].code == errc::ok);
}

TEST_CASE("a job whose saved run is damaged begins from the start") {
  const auto* damage =
      GENERATE("UPDATE saved_run SET key = replace(key, 'f1', 'f2')", "UPDATE saved_run SET bytes = bytes + 1",
               "UPDATE saved_run SET steps = 8", "UPDATE saved_run SET crc = crc + 1", "DELETE FROM saved_run");
  INFO(damage);
  world w;
  auto l = w.leased();
  w.end(l, w.paused(l, w.saved_of(l)));
  auto led = reopened_after(w, damage);
  ledger_caller call{*led};
  CHECK(call.unfinished()->jobs.at(0).saved_steps == 0);
  auto job = call.grant(w.batch_of({l.job}))->jobs.at(0);
  CHECK(job.code == errc::ok);
  CHECK(job.saved.is_none());
}

TEST_CASE("what runs under a row that is damaged meanwhile cannot be committed") {
  world w;
  auto l = w.leased();
  const object_key_parts video{{"acme"}, l.job, 1, l.fence, artifact::video, samples::sha256_of("video")};
  auto led = reopened_after(w, "UPDATE job SET class = 0");
  ledger_caller call{*led};
  CHECK(call.end({w.term(), l.batch, {w.how(l, verdict::succeeded)}})->codes == std::vector{errc::corrupt});
  CHECK(*call.referenced({video}) == std::vector{true});
}

TEST_CASE("jobs of a tenant whose row is damaged or gone are kept, and nobody else gets them") {
  const auto* damage =
      GENERATE("DELETE FROM tenant WHERE no = 1", "UPDATE tenant SET no = 700 WHERE no = 1",
               "UPDATE tenant SET no = 1 << 40 WHERE no = 1", "UPDATE tenant SET name = 'acmf' WHERE no = 1",
               "UPDATE tenant SET name = 'No Name' WHERE no = 1", "DELETE FROM tenant");
  INFO(damage);
  world w;
  auto bad = w.accepted("acme"), other = w.accepted("umbrella");
  w.term();
  const bool all = std::string_view{damage} == "DELETE FROM tenant";
  auto led = reopened_after(w, damage);
  ledger_caller call{*led};
  CHECK(call.unfinished()->jobs.size() == (all ? 0 : 1));
  for (std::string tenant : {"acmf", "newcomer", "acme", "umbrella"})
    CHECK(call.accept(w.request(tenant)).code == errc::ok);
  CHECK(call.read(bad).error() == errc::corrupt);
  CHECK(call.read(bad, "acme").error() == errc::corrupt); // the request says whose it is
  for (std::string tenant : {"acmf", "newcomer", "umbrella"}) {
    CHECK(call.read(bad, tenant).error() == errc::not_found);
    CHECK(call.cancel(bad, tenant).error() != errc::ok);
    CHECK_FALSE(shows(call, tenant, bad));
  }
  auto granted = call.grant(w.batch_of({bad, other}));
  CHECK(granted->jobs[0].code == errc::corrupt);
  CHECK(granted->jobs[1].code == (all ? errc::corrupt : errc::ok));
  CHECK(call.list({})->jobs.size() == 6);
}

TEST_CASE("more ends than jobs were counted at start leave the limits in force") {
  admission_limits limits;
  limits.tenant_queued_jobs_max = 1;
  admission a{limits};
  const auto cls = job_class::standard;
  a.ended({"acme"}, cls); // a damaged index had it counted for somebody else
  CHECK(a.check({"acme"}, cls) == errc::ok);
  a.accepted({"acme"}, cls);
  CHECK(a.check({"acme"}, cls) == errc::quota_exceeded);
}

// ---------------------------------------------------------------- the result

TEST_CASE("a video is never given away because the row of its result is damaged") {
  const auto* damage =
      GENERATE("UPDATE outbox SET video_sha256 = zeroblob(32)", "UPDATE outbox SET thumbnail_sha256 = zeroblob(32)",
               "UPDATE outbox SET video_bytes = 0", "UPDATE outbox SET thumbnail_bytes = 8",
               "UPDATE outbox SET fence = 2", "UPDATE outbox SET generation = 3", "UPDATE outbox SET job_no = 9",
               "UPDATE outbox SET crc = crc + 1", "DELETE FROM outbox", "UPDATE job SET crc = crc + 1");
  INFO(damage);
  world w;
  auto l = w.leased();
  auto o = w.how(l, verdict::succeeded);
  o.thumbnail = {7, samples::sha256_of("thumbnail")};
  REQUIRE(w.end(l, o) == errc::ok);
  const object_key_parts video{{"acme"}, l.job, 1, l.fence, artifact::video, o.video.sha256};
  auto thumbnail = video;
  thumbnail.kind = artifact::thumbnail;
  thumbnail.sha256 = o.thumbnail.sha256;
  auto led = reopened_after(w, damage);
  ledger_caller call{*led};
  CHECK(*call.referenced({video, thumbnail}) == std::vector{true, true});
  CHECK(call.read(l.job).error() == errc::corrupt);
  auto page = call.list({{"acme"}, {}, 10, true});
  REQUIRE(page->jobs.size() == 1);
  CHECK(page->jobs[0].error == errc::corrupt);
  CHECK(page->jobs[0].video == stored_object{});
  if (auto removed = call.remove(l.job, "acme")) CHECK(removed->object_keys.empty());
}
