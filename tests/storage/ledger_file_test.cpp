// ledger_file_test.cpp: What the SQLite ledger does with its file: refuses what it cannot trust, survives
// being killed at any moment, and answers only what the disk has. Real processes, real files, a layer under
// SQLite that watches.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <random>
#include <set>
#include <sys/stat.h>

#include "actors/storage/sqlite/schema.hpp"
#include "tests/storage/child_process.hpp"
#include "tests/storage/faulty_vfs.hpp"
#include "tests/storage/ledger_audit.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Why a ledger refuses to open; empty: it does not.
std::string refusal(const sqlite_ledger_options& o) {
  try {
    sqlite_ledger opened{o, run_at_once};
    return {};
  } catch (const std::runtime_error& why) {
    return why.what();
  }
}

/// Names and bytes.
std::map<std::string, std::string> everything_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream in{entry.path(), std::ios::binary};
    all[entry.path().filename().string()].assign(std::istreambuf_iterator<char>{in}, {});
  }
  return all;
}

void change(const std::filesystem::path& file, const std::string& sql) {
  sqlite::connection db{file.string(), {}};
  db.run(sql);
}

using world = ledger_world<sqlite_kind>;

} // namespace

// ---------------------------------------------------------------- opening

TEST_CASE("everything is there after closing and opening again") {
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  const auto options = small_sqlite(folder, clock);
  const auto waiting = samples::request(ids.next<job_id>(clock.now()));
  std::uint64_t term = 0;
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    CHECK(call.accept(waiting).code == errc::ok);
    term = call.lead();
  }
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    CHECK(call.read(waiting.id)->request == waiting);
    CHECK(call.lead() == term + 1);
  }
  CHECK(ledger_audit::complaints_about(options.file).empty());
}

TEST_CASE("the limits count what was there before the start") {
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  auto options = small_sqlite(folder, clock);
  options.limits.tenant_queued_jobs_max = 1;
  auto next = [&] { return samples::request(ids.next<job_id>(clock.now())); };
  const auto first = next();
  {
    sqlite_ledger led{options, run_at_once};
    CHECK(ledger_caller{led}.accept(first).code == errc::ok);
  }
  sqlite_ledger led{options, run_at_once};
  CHECK(ledger_caller{led}.accept(next()).code == errc::quota_exceeded);
  CHECK(ledger_caller{led}.cancel(first.id));
  CHECK(ledger_caller{led}.accept(next()).code == errc::ok);
}

TEST_CASE("files are for their owner only") {
  world w;
  w.accepted();
  for (const auto& entry : std::filesystem::directory_iterator{w.folder.path()}) {
    struct stat s {};
    REQUIRE(::stat(entry.path().c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0600);
  }
}

TEST_CASE("a ledger that another process has open is refused") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  sqlite_ledger holder{options, run_at_once};
  const auto why = run_in_child([&options](child_pipe& pipe) { pipe.say(refusal(options)); });
  CHECK_THAT(why, ContainsSubstring(options.file.string()) && ContainsSubstring("another process"));
  CHECK_THAT(refusal(options), ContainsSubstring("another process")); // nor twice in one process
}

TEST_CASE("a ledger in a folder that does not exist is refused") {
  scratch_folder folder;
  auto options = small_sqlite(folder, {});
  options.file = folder.path() / "missing" / "ledger.db";
  CHECK_THAT(refusal(options), ContainsSubstring(options.file.string()) && ContainsSubstring("does not exist"));
}

TEST_CASE("a ledger that cannot be written is refused") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  CHECK(refusal(options).empty());
  const auto why = run_in_child([&](child_pipe& pipe) {
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    for (auto suffix : {"", ".lock", "-wal", "-shm"})
      std::filesystem::permissions(options.file.string() + suffix, std::filesystem::perms{0444});
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return;
    pipe.say(refusal(options));
  });
  CHECK_THAT(why, ContainsSubstring(options.file.string()) && ContainsSubstring("Permission denied"));
}

TEST_CASE("a file that is no ledger is refused and left as it is, with nothing beside it") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  std::string refused_for;
  SECTION("any file") {
    std::ofstream{options.file} << std::string(10'000, 'x');
    refused_for = "not a ledger";
  }
  SECTION("a short one") {
    std::ofstream{options.file} << 'x';
    refused_for = "not a ledger";
  }
  SECTION("another program's SQLite file") {
    std::ofstream{options.file}.close();
    change(options.file, "CREATE TABLE recipes(name TEXT)");
    refused_for = "not a ledger";
  }
  SECTION("another program's SQLite file, with a log that is still needed") {
    std::ofstream{options.file}.close();
    const auto copy = folder.path() / "copy";
    sqlite::connection db{options.file.string(), {}};
    db.run("PRAGMA application_id=7; PRAGMA journal_mode=WAL; CREATE TABLE recipes(name TEXT)");
    std::filesystem::create_directory(copy);
    for (auto suffix : {"", "-wal"})
      std::filesystem::copy(options.file.string() + suffix, copy / (options.file.filename().string() + suffix));
    refused_for = "not a ledger";
  }
  SECTION("a ledger of a newer version") {
    CHECK(refusal(options).empty());
    const auto known = std::to_string(sqlite::schema_version), newer = std::to_string(sqlite::schema_version + 1);
    change(options.file, "PRAGMA user_version=" + newer + "; PRAGMA wal_checkpoint(TRUNCATE)");
    refused_for = "newer version (schema " + newer + "; this program knows up to " + known + ")";
  }
  auto moved = options;
  if (std::filesystem::exists(folder.path() / "copy")) moved.file = folder.path() / "copy" / "ledger.db";
  const auto before = everything_in(moved.file.parent_path());
  CHECK_THAT(refusal(moved), ContainsSubstring(moved.file.string()) && ContainsSubstring(refused_for));
  CHECK(everything_in(moved.file.parent_path()) == before);
}

TEST_CASE("what was used of a day is there after closing and opening again, and is forgotten after 40 days") {
  world w;
  w.end(w.leased(), verdict::succeeded);
  w.accepted();
  w.held.reset();
  auto options = small_sqlite(w.folder, w.clock);
  options.limits.tenants[{"acme"}].all.jobs_per_day = 3;
  auto days = [&options] {
    sqlite::connection db{options.file.string(), {}};
    return db.number("SELECT count(DISTINCT day) FROM usage");
  };
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    const auto all = call.quota()->all;
    CHECK(all.jobs == 2);
    CHECK(all.settled_ms == 100);
    CHECK(all.reserved_ms == 100); // as long as the first one took
    CHECK(call.accept(w.request()).quota.jobs_left == 0);
    CHECK(call.accept(w.request()).code == errc::quota_exceeded);
    w.clock.jump(24h * 50); // somebody sets the clock: nothing is forgotten for that
    CHECK(call.accept(w.request()).code == errc::ok);
    CHECK(days() == 2);
    w.clock.jump(-24h * 50);
    CHECK(call.accept(w.request()).code == errc::quota_exceeded);
    w.clock.advance(24h * 42);
    CHECK(call.accept(w.request()).code == errc::ok);
    CHECK(days() == 2);
  }
  CHECK(ledger_audit::complaints_about(options.file) ==
        std::vector<std::string>{"usage: nothing of a job's day"}); // the first one's
}

TEST_CASE("a ledger says whose it is even when its process was killed at once") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  child_process child{[&options](child_pipe& pipe) {
    sqlite_ledger led{options, run_at_once};
    pipe.say("open");
    ::pause();
  }};
  CHECK(child.read(4) == "open");
  child.kill();
  CHECK(refusal(options).empty());
}

TEST_CASE("a damaged ledger is refused") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  CHECK(refusal(options).empty());
  change(options.file, "PRAGMA wal_checkpoint(TRUNCATE)");
  std::filesystem::remove(options.file.string() + "-wal");
  std::fstream file{options.file, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(100); // the first page's table of contents
  file << std::string(3000, '\xff');
  file.close();
  CHECK_THAT(refusal(options), ContainsSubstring(options.file.string()) && ContainsSubstring("damaged"));
}

// ---------------------------------------------------------------- crashes

TEST_CASE("whatever was answered is there after the process was killed at any moment") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  std::mt19937 random{2026};
  std::set<job_id> accepted, succeeded;
  for (int round = 0; round < 12; ++round) {
    // The child says 'a' or 's' and an id for every job that was answered accepted or succeeded.
    child_process child{[&options](child_pipe& pipe) {
      id_generator ids;
      std::mutex speaking;
      sqlite_ledger led{options, run_at_once};
      const auto term = ledger_caller{led}.lead();
      auto say = [&pipe, &speaking](char what, const job_id& id) {
        std::lock_guard lock{speaking};
        pipe.say(what + std::string{reinterpret_cast<const char*>(id.bytes.data()), 16});
      };
      auto work = [&](int) {
        ledger_caller call{led};
        id_generator own;
        for (;;) {
          auto r = samples::request(own.next<job_id>(samples::real_time()));
          if (call.accept(r).code != errc::ok) return;
          say('a', r.id);
          grant_batch g{term, own.next<batch_id>(samples::real_time()), {"w/0"}, {"wan-small"}, {r.id}};
          if (!call.grant(g)) return;
          if (call.end({term, g.batch, {{r.id, 1}}})->codes[0] == errc::ok) say('s', r.id);
        }
      };
      std::vector<std::thread> threads;
      for (int i = 0; i < 8; ++i) threads.emplace_back(work, i);
      for (auto& t : threads) t.join();
    }};
    auto said = child.read(17 * (1 + random() % 400));
    child.kill();
    said += child.read();
    for (std::size_t at = 0; at + 17 <= said.size(); at += 17) {
      job_id id;
      std::memcpy(id.bytes.data(), said.data() + at + 1, 16);
      (said[at] == 'a' ? accepted : succeeded).insert(id);
    }
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    for (const auto& id : accepted) {
      auto row = call.read(id);
      REQUIRE(row);
      if (succeeded.count(id) > 0) REQUIRE(row->state == job_state::succeeded);
    }
  }
  CHECK(accepted.size() > 100);
  CHECK(succeeded.size() > 50);
  CHECK(ledger_audit::complaints_about(options.file) == std::vector<std::string>{});
}

TEST_CASE("an answer is given only after the disk has what it says") {
  faulty_vfs disk;
  scratch_folder folder;
  ledger_clock clock;
  std::atomic<int> early{0}, answers{0};
  auto options = small_sqlite(folder, clock);
  {
    sqlite_ledger led{options, [&](std::function<void()> replies) {
                        if (disk.unsynced_log_writes != 0) ++early;
                        replies();
                      }};
    id_generator ids;
    for (int i = 0; i < 500; ++i)
      led.accept({{samples::request(ids.next<job_id>(clock.now()))}}, [&answers](auto) { ++answers; });
  }
  CHECK(answers == 500);
  CHECK(early == 0);
}
