// ledger_disk_test.cpp: What the SQLite ledger does when the disk fails or fills: ends the process rather
// than continue after a failed sync, stops taking work in before and when the disk is full and still finishes
// what runs, quarantines damaged requests, and keeps its log bounded. Broken by a layer under SQLite, by a
// small file system, by a limit.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sched.h>
#include <semaphore>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/storage/child_process.hpp"
#include "tests/storage/faulty_vfs.hpp"
#include "tests/storage/ledger_audit.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

using world = ledger_world<sqlite_kind>;

std::filesystem::path file_of(const world& w) { return w.folder.path() / "ledger.db"; }

/// Closes the ledger, so that its file can be changed or looked at.
void close(world& w) { w.held.reset(); }

const std::vector<std::string> sound;

} // namespace

// ---------------------------------------------------------------- failing

TEST_CASE("after a failed sync nothing is answered as done, and the sync is not tried again") {
  faulty_vfs disk;
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  std::atomic<bool> broken{false};
  std::atomic<int> syncs{0}, deaths{0};
  disk.on_sync = [&](std::string_view name) {
    if (!broken || !name.ends_with("-wal")) return SQLITE_OK;
    ++syncs;
    return SQLITE_IOERR_FSYNC;
  };
  auto options = small_sqlite(folder, clock);
  options.fatal = [&](const std::string& why) {
    ++deaths;
    CHECK_THAT(why, ContainsSubstring(options.file.string()));
  };
  sqlite_ledger led{options, run_at_once};
  ledger_caller call{led};
  auto next = [&] { return std::vector{samples::request(ids.next<job_id>(clock.now()))}; };
  CHECK(call.accept(next())->answers[0].code == errc::ok);
  broken = true;
  CHECK(call.accept(next()).error() == errc::unavailable);
  broken = false;
  CHECK(call.accept(next()).error() == errc::unavailable); // the page cache may lie from now on
  CHECK(call.list({}).error() == errc::unavailable);
  CHECK(deaths == 1);
  CHECK(syncs == 1);
}

TEST_CASE("without another instruction a failed sync ends the process with code 70") {
  child_process child{[](child_pipe& pipe) {
    faulty_vfs disk;
    scratch_folder folder;
    ledger_clock clock;
    sqlite_ledger led{small_sqlite(folder, clock), run_at_once};
    disk.on_sync = [](std::string_view) { return SQLITE_IOERR_FSYNC; };
    if (ledger_caller{led}.accept(std::vector{samples::request(id_generator{}.next<job_id>(clock.now()))}))
      pipe.say("accepted");
  }};
  CHECK(child.read().empty());
  int status = child.wait();
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 70);
}

TEST_CASE("damage found while running is fatal too") {
  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  auto options = small_sqlite(folder, clock);
  std::atomic<int> deaths{0};
  options.fatal = [&deaths](const std::string&) { ++deaths; };
  { // enough rows that the tables have inner pages
    sqlite_ledger led{options, run_at_once};
    for (int i = 0; i < 300; ++i)
      REQUIRE(ledger_caller{led}.accept(samples::request(ids.next<job_id>(clock.now()))).code == errc::ok);
  }
  sqlite_ledger led{options, run_at_once};
  {
    std::FILE* f = std::fopen(options.file.c_str(), "r+");
    const std::string garbage(4096, '\xee');
    std::fseek(f, 0, SEEK_END);
    const long pages = std::ftell(f) / 4096;
    for (long page = 2; page < pages; ++page) {
      std::fseek(f, page * 4096, SEEK_SET);
      std::fwrite(garbage.data(), 1, garbage.size(), f);
    }
    std::fclose(f);
  }
  CHECK(ledger_caller{led}.list({{}, {}, 100, true}).error() == errc::unavailable);
  CHECK(deaths == 1);
}

// ---------------------------------------------------------------- filling

TEST_CASE("above the first watermark nothing is accepted, above the second nothing is granted") {
  std::atomic<std::uint64_t> used{84};
  world w;
  close(w);
  auto options = small_sqlite(w.folder, w.clock);
  options.disk.space = [&used] { return disk_space{100, 100 - used}; };
  sqlite_ledger led{options, run_at_once};
  ledger_caller call{led};
  const auto first = w.request(), second = w.request();
  const auto term = call.lead();
  auto batch = [&](const job_request& r) {
    return grant_batch{term, w.ids.next<batch_id>(w.clock.now()), {"w/0"}, {"wan-small"}, {r.id}};
  };
  CHECK(call.accept(first).code == errc::ok);
  CHECK(call.accept(second).code == errc::ok);
  used = 86;
  CHECK(call.accept(w.request()).code == errc::no_space);
  const auto running = batch(first);
  CHECK(call.grant(running)->jobs[0].code == errc::ok);
  used = 96;
  CHECK(call.grant(batch(second)).error() == errc::no_space);
  CHECK(call.end({term, running.batch, {{first.id, 1}}})->codes[0] == errc::ok);
  used = 50;
  CHECK(call.accept(w.request()).code == errc::ok);
  CHECK(call.grant(batch(second))->jobs[0].code == errc::ok);
}

TEST_CASE("when the disk is full accepting stops, running jobs still end, and it goes on when there is room") {
  faulty_vfs disk;
  world w;
  auto running = w.leased();
  close(w);
  std::atomic<bool> full{true};
  std::atomic<std::uint64_t> free_bytes{0};
  const auto reserve = file_of(w).string() + ".reserve";
  disk.on_write = [&](std::string_view name) { // the reserve's blocks are the last ones
    const bool fails = full && name.ends_with("-wal") && std::filesystem::exists(reserve);
    return fails ? SQLITE_FULL : SQLITE_OK;
  };
  auto options = small_sqlite(w.folder, w.clock);
  options.disk.space = [&free_bytes] { return disk_space{10'000'000, free_bytes}; };
  options.disk.accept_below = options.disk.grant_below = 2; // only the failing writes are looked at here
  options.fatal = [](const std::string& why) { FAIL(why); };
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    const auto refused = w.request();
    CHECK(call.accept(refused).code == errc::no_space);
    CHECK_FALSE(std::filesystem::exists(reserve));
    CHECK(call.accept(w.request()).code == errc::no_space); // the reserve is not for new work
    CHECK(call.end({w.term(), running.batch, {w.how(running, verdict::succeeded)}})->codes[0] == errc::ok);
    CHECK(call.read(refused.id).error() == errc::not_found);
    full = false;
    free_bytes = 5'000'000;
    CHECK(call.accept(refused).code == errc::ok);
    CHECK(std::filesystem::exists(reserve));
  }
  CHECK(ledger_audit::complaints_about(file_of(w)) == sound);
}

namespace {

/// Fills the ledger's disk, then ends the one running job. What went wrong, in words.
std::string fill_and_finish(const std::filesystem::path& folder) {
  ledger_clock clock;
  id_generator ids;
  auto options = small_sqlite(folder, clock);
  options.disk.space = {};
  options.disk.accept_below = options.disk.grant_below = 2; // run into the wall
  options.disk.ballast_bytes = 512u << 10;
  options.fatal = [](const std::string& why) { throw std::runtime_error{"fatal: " + why}; };
  std::vector<job_id> accepted;
  grant_batch m;
  {
    sqlite_ledger led{options, run_at_once};
    ledger_caller call{led};
    m = {call.lead(), ids.next<batch_id>(clock.now()), {"w/0"}, {"wan-small"}, {}};
    for (auto code = errc::ok; code != errc::no_space;) {
      auto r = samples::request(ids.next<job_id>(clock.now()));
      code = call.accept(r).code;
      if (code == errc::ok)
        accepted.push_back(r.id);
      else if (code != errc::no_space)
        return "accept: " + std::string{to_string(code)};
      if (accepted.size() == 1 && m.jobs.empty()) {
        m.jobs = {r.id};
        if (!call.grant(m)) return "no grant";
      }
      if (accepted.size() > 100'000) return "the disk does not fill";
    }
    auto ended = call.end({m.term, m.batch, {{accepted[0], 1}}});
    if (!ended) return "end: " + std::string{to_string(ended.error())};
    if (ended->codes[0] != errc::ok) return "end: " + std::string{to_string(ended->codes[0])};
    for (const auto& id : accepted)
      if (!call.read(id)) return "an accepted job is gone";
  }
  for (const auto& complaint : ledger_audit::complaints_about(options.file)) return complaint;
  return accepted.size() < 100 ? "the disk was full at once" : "";
}

} // namespace

TEST_CASE("on a really full file system running jobs end and every accepted job stays") {
  scratch_folder folder;
  const auto said = run_in_child([&folder](child_pipe& pipe) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=4m,mode=700") != 0)
      return pipe.say("no rights");
    pipe.say(fill_and_finish(folder));
  });
  if (said == "no rights") SKIP("mounting needs root");
  CHECK(said == "");
}

TEST_CASE("a limit on the file's size is a full disk, not a broken one") {
  scratch_folder folder;
  const auto said = run_in_child([&folder](child_pipe& pipe) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{2u << 20, 2u << 20};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return pipe.say("no limit");
    ledger_clock clock;
    id_generator ids;
    sqlite_ledger led{small_sqlite(folder, clock), run_at_once};
    ledger_caller call{led};
    for (int i = 0; i < 100'000; ++i) {
      auto answer = call.accept(std::vector{samples::request(ids.next<job_id>(clock.now()))});
      auto code = answer ? answer->answers[0].code : answer.error();
      if (code == errc::no_space) return;
      if (code != errc::ok) return pipe.say(to_string(code));
    }
    pipe.say("never full");
  });
  CHECK(said == "");
}

// ---------------------------------------------------------------- housekeeping

namespace {

/// Keeps a number of calls waiting in the ledger's queue, without spinning.
class steady_load {
public:
  explicit steady_load(std::ptrdiff_t calls) : calls_{calls}, free_{calls} {}
  ~steady_load() {
    for (std::ptrdiff_t i = 0; i < calls_; ++i) free_.acquire();
  }
  template <class Call> void add(Call call) {
    free_.acquire();
    call([this](auto&&) { free_.release(); });
  }

private:
  const std::ptrdiff_t calls_;
  std::counting_semaphore<> free_;
};

/// Writes far more than the log may hold; what it has grown to.
std::uintmax_t log_after_load(const sqlite_ledger_options& options, world& w, sqlite_ledger& led) {
  steady_load load{100};
  const auto wal = options.file.string() + "-wal";
  std::uintmax_t longest = 0;
  for (int i = 0; i < 10'000; ++i) {
    load.add([&](auto done) { led.accept({{w.request("tenant-" + std::to_string(i % 10))}}, done); });
    if (i % 100 == 0) longest = std::max(longest, std::filesystem::file_size(wal));
  }
  return std::max(longest, std::filesystem::file_size(wal));
}

} // namespace

TEST_CASE("the log stays bounded while work never pauses") {
  world w;
  close(w);
  auto options = small_sqlite(w.folder, w.clock); // a log of 256 KiB
  {
    sqlite_ledger led{options, run_at_once};
    CHECK(log_after_load(options, w, led) <= 8 * options.wal_bytes);
  }
  CHECK(std::filesystem::file_size(options.file) > 20 * options.wal_bytes);
}

TEST_CASE("the log stays bounded while reads never pause") {
  world w;
  for (int i = 0; i < 20; ++i) w.accepted();
  close(w);
  auto options = small_sqlite(w.folder, w.clock);
  {
    sqlite_ledger led{options, run_at_once};
    std::atomic<bool> stop{false};
    std::thread reader{[&led, &stop] { // so many at once that one group of them follows the other
      steady_load load{200};
      while (!stop) load.add([&led](auto done) { led.list({{"acme"}, {}, 20, true}, done); });
    }};
    CHECK(log_after_load(options, w, led) <= 8 * options.wal_bytes);
    stop = true;
    reader.join();
  }
  CHECK(std::filesystem::file_size(options.file) > 20 * options.wal_bytes);
}

TEST_CASE("old keys are removed from the file") {
  world w;
  for (int i = 0; i < 700; ++i) w.led.accept(w.keyed("key-" + std::to_string(i)));
  w.clock.advance(25h);
  for (int i = 0; i < 4; ++i) w.accepted();
  close(w);
  sqlite::connection db{file_of(w).string(), {}};
  CHECK(db.number("SELECT count(*) FROM idempotency") == 0);
  CHECK(ledger_audit::complaints_about(file_of(w)) == sound);
}

TEST_CASE("a wrong wall clock at start frees no key: it is believed for an hour") {
  world w;
  const auto first = w.keyed("k");
  w.led.accept(first);
  for (int life = 0; life < 3; ++life) {
    close(w);
    w.clock.jump(48h);
    sqlite_ledger led{small_sqlite(w.folder, w.clock), run_at_once};
    CHECK(ledger_caller{led}.accept(w.keyed("k")).replayed);
  }
  sqlite_ledger led{small_sqlite(w.folder, w.clock), run_at_once};
  w.clock.advance(22h);
  CHECK_FALSE(ledger_caller{led}.accept(w.keyed("k")).replayed); // by now it may have lived for 24 hours
}

TEST_CASE("keys dated in the future are not in the others' way for ever") {
  world w;
  for (int i = 0; i < 600; ++i) w.led.accept(w.keyed("key-" + std::to_string(i)));
  close(w);
  sqlite::connection{file_of(w).string(), {}}.run("UPDATE idempotency SET at_ms = at_ms + 1000000000000");
  {
    sqlite_ledger led{small_sqlite(w.folder, w.clock), run_at_once};
    ledger_caller call{led};
    auto touch = [&] { REQUIRE(call.accept(w.request()).code == errc::ok); };
    for (int i = 0; i < 5; ++i, w.clock.advance(25h)) touch();
    touch();
  }
  CHECK(sqlite::connection{file_of(w).string(), {}}.number("SELECT count(*) FROM idempotency") == 0);
}

TEST_CASE("an attempt is one row, also when its job was cancelled while it waited for the next") {
  world w;
  auto l = w.leased();
  w.end(l, verdict::retry);
  w.cancel(l.job);
  close(w);
  sqlite::connection db{file_of(w).string(), {}};
  CHECK(db.number("SELECT count(*) FROM attempt") == 1);
  CHECK(db.number("SELECT to_state FROM attempt") == static_cast<int>(job_state::retry_wait));
}

TEST_CASE("people can read the audit trail") {
  world w;
  auto l = w.leased();
  w.end(l, verdict::succeeded);
  close(w);
  sqlite::connection db{file_of(w).string(), {}};
  sqlite::statement log{db, "SELECT kind, worker, tenant, job FROM job_log ORDER BY position"};
  auto row = log.query();
  for (std::string kind : {"accepted", "granted", "ended"}) {
    REQUIRE(row.next());
    CHECK(row.text(0) == kind);
    CHECK(row.text(1) == (kind == "accepted" ? "" : "workers-1/0"));
    CHECK(row.text(2) == "acme");
    CHECK(row.text(3) == hex_of(l.job));
  }
  CHECK(db.number("SELECT count(*) FROM attempt") == 1);
  CHECK(db.number("SELECT ended_at_ms FROM attempt") == w.clock.now().time_since_epoch().count());
}
