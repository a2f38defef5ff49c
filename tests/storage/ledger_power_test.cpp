// ledger_power_test.cpp: What the SQLite ledger promises is on the disk and not only in the system's cache: power is
// lost at any write, syncs fail, and whatever was answered is still there.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <random>

#include "actors/storage/sqlite/schema.hpp"
#include "tests/storage/faulty_vfs.hpp"
#include "tests/storage/ledger_audit.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

namespace {

sqlite_ledger_options careless(const std::filesystem::path& folder, const ledger_clock& clock) {
  auto options = small_sqlite(folder, clock);
  options.fatal = [](const std::string&) {}; // the test ends its life
  return options;
}

} // namespace

TEST_CASE("whatever was answered is there after power was lost at any write") {
  faulty_vfs disk;
  disk.power_can_fail = true;
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  const auto options = careless(folder, clock);
  std::mt19937 random{2026};
  std::vector<job_id> accepted;
  for (int round = 0; round < 40; ++round) {
    std::atomic<long> writes_left{static_cast<long>(random() % 400)};
    disk.on_write = [&](std::string_view) {
      if (--writes_left == 0) disk.cut_power();
      return SQLITE_OK;
    };
    try {
      std::vector<job_id> answered;
      {
        sqlite_ledger led{options, run_at_once};
        for (int i = 0; i < 200; ++i) {
          const auto r = samples::request(ids.next<job_id>(clock.now()));
          led.accept({{r}}, [&answered, id = r.id](outcome<accept_answers, errc> a) {
            if (a && a->answers[0].code == errc::ok) answered.push_back(id);
          });
        }
      }
      accepted.insert(accepted.end(), answered.begin(), answered.end());
    } catch (const std::runtime_error&) {
      // the power was gone before the ledger was open
    }
    disk.on_write = [](auto) { return SQLITE_OK; };
    disk.cut_power();
    disk.restore_power();
    sqlite_ledger led{options, run_at_once};
    for (const auto& id : accepted) REQUIRE(ledger_caller{led}.read(id));
  }
  CHECK(accepted.size() > 500);
  CHECK(ledger_audit::complaints_about(options.file) == std::vector<std::string>{});
}

TEST_CASE("a log that only the system's cache has does not take later jobs with it") {
  faulty_vfs disk;
  disk.power_can_fail = true;
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  const auto options = careless(folder, clock);
  auto next = [&] { return samples::request(ids.next<job_id>(clock.now())); };
  const auto before = next(), lost = next(), after = next();
  {
    sqlite_ledger led{options, run_at_once};
    REQUIRE(ledger_caller{led}.accept(before).code == errc::ok);
    disk.on_sync = [](std::string_view) { return SQLITE_IOERR_FSYNC; };
    CHECK(ledger_caller{led}.accept(std::vector{lost}).error() == errc::unavailable);
  }
  disk.on_sync = [](std::string_view) { return SQLITE_OK; };
  {
    sqlite_ledger led{options, run_at_once}; // the process starts anew, the machine has run on
    REQUIRE(ledger_caller{led}.accept(after).code == errc::ok);
    disk.cut_power();
  }
  disk.restore_power();
  sqlite_ledger led{options, run_at_once};
  CHECK(ledger_caller{led}.read(before.id));
  CHECK(ledger_caller{led}.read(after.id));
}

TEST_CASE("the first commit of every life starts the log over") {
  faulty_vfs disk;
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  for (int life = 0; life < 3; ++life) {
    sqlite_ledger led{careless(folder, clock), run_at_once};
    std::atomic<std::int64_t> first{-1};
    disk.on_log_write = [&first](std::int64_t offset) {
      if (first < 0) first = offset;
    };
    for (int i = 0; i < 5; ++i)
      REQUIRE(ledger_caller{led}.accept(samples::request(ids.next<job_id>(clock.now()))).code == errc::ok);
    CHECK(first == 0);
    disk.on_log_write = [](auto) {};
  }
}

TEST_CASE("a sync that fails for want of space is fatal too, and not tried again") {
  for (int code : {SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC}) {
    CHECK_FALSE(sqlite::error{"", code, ENOSPC}.is_full());
    CHECK(sqlite::error{"", code, EDQUOT}.is_fatal());
  }
  CHECK(sqlite::error{"", SQLITE_IOERR_WRITE, ENOSPC}.is_full());

  faulty_vfs disk;
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  auto options = small_sqlite(folder, clock);
  std::atomic<int> deaths{0}, syncs{0};
  options.fatal = [&deaths](const std::string&) { ++deaths; };
  sqlite_ledger led{options, run_at_once};
  disk.on_sync = [&syncs](std::string_view) {
    ++syncs;
    errno = ENOSPC;
    return SQLITE_IOERR_FSYNC;
  };
  const auto r = samples::request(ids.next<job_id>(clock.now()));
  CHECK(ledger_caller{led}.accept(std::vector{r}).error() == errc::unavailable);
  CHECK(deaths == 1);
  CHECK(syncs == 1);
}

TEST_CASE("a log that the disk does not take at start is refused") {
  scratch_folder folder;
  ledger_clock clock;
  const auto options = small_sqlite(folder, clock);
  { sqlite_ledger made{options, run_at_once}; }
  const auto log = options.file.string() + "-wal";
  std::filesystem::remove(log);
  std::filesystem::create_symlink("/dev/full", log); // takes nothing and cannot be synced
  try {
    sqlite::prepare_wal(options.file, options.wal_bytes);
    FAIL("not refused");
  } catch (const std::runtime_error& why) {
    CHECK_THAT(why.what(), ContainsSubstring(options.file.string()) && ContainsSubstring("log"));
  }
}
