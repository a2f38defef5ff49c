// ledger_queue_test.cpp: What the SQLite ledger does with what waits for its threads: how much may wait and for how
// long, and what becomes of a group in which one operation fails. The writer is held, so that groups are certain.
#include <catch2/catch_test_macros.hpp>

#include "tests/storage/faulty_vfs.hpp"
#include "tests/storage/ledger_audit.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

using world = ledger_world<sqlite_kind>;

/// The world's ledger, closed and opened again behind a gate.
struct gated {
  explicit gated(
      world& w, const std::function<void(sqlite_ledger_options&)>& change = [](auto&) {}) {
    w.held.reset();
    auto options = small_sqlite(w.folder, w.clock);
    options.fatal = [](const std::string& why) { FAIL_CHECK(why); };
    change(options);
    led = std::make_unique<sqlite_ledger>(options, gate.deliver());
    gate.hold(*led);
  }
  void accept(job_request r) {
    led->accept({{std::move(r)}},
                [this](outcome<accept_answers, errc> a) { accepted.push_back(a ? a->answers[0].code : a.error()); });
  }
  /// Everything that waits is answered afterwards.
  void finish() {
    gate.open();
    led.reset();
  }

  writer_gate gate;
  std::vector<errc> accepted; ///< the answers
  std::unique_ptr<sqlite_ledger> led;
};

std::filesystem::path file_of(const world& w) { return w.folder.path() / "ledger.db"; }

std::int64_t number_in(const world& w, const std::string& sql) {
  return sqlite::connection{file_of(w).string(), {}}.number(sql);
}

const std::vector<std::string> sound;

} // namespace

// ---------------------------------------------------------------- waiting

TEST_CASE("what does not fit into the queue is refused at once") {
  world w;
  gated g{w, [](auto& o) { o.queue_ops = 4; }};
  for (int i = 0; i < 10; ++i) g.accept(w.request());
  CHECK(g.accepted == std::vector(6, errc::queue_full));
  g.finish();
  CHECK(std::ranges::count(g.accepted, errc::ok) == 4);
}

TEST_CASE("large requests fill the queue sooner, and room comes back") {
  world w;
  gated g{w, [](auto& o) { o.queue_bytes = 100'000; }};
  auto large = [&w] {
    auto r = w.request();
    r.prompt = std::string(30'000, 'p');
    return r;
  };
  for (int i = 0; i < 5; ++i) g.accept(large());
  CHECK(g.accepted == std::vector(2, errc::queue_full));
  for (int i = 0; i < 2; ++i) g.accept(w.request()); // what is small still fits
  CHECK(g.accepted.size() == 2);
  g.gate.open();
  ledger_caller call{*g.led};
  CHECK(call.cancel({}).error() == errc::not_found); // everything before it has left the queue
  CHECK(call.accept(large()).code == errc::ok);
  g.led.reset();
  CHECK(std::ranges::count(g.accepted, errc::ok) == 5);
}

TEST_CASE("an accept whose asker has given up is not carried out; what frees work still is") {
  world w;
  const auto waiting = w.accepted();
  gated g{w};
  const auto late = w.request();
  g.accept(late);
  errc cancelled = errc::internal;
  g.led->cancel({{}, waiting}, [&cancelled](auto a) { cancelled = a ? errc::ok : a.error(); });
  w.clock.advance(10'001ms);
  const auto fresh = w.request();
  g.accept(fresh);
  g.finish();
  CHECK(g.accepted == std::vector{errc::timeout, errc::ok});
  CHECK(cancelled == errc::ok);
  sqlite_ledger led{small_sqlite(w.folder, w.clock), run_at_once};
  CHECK(ledger_caller{led}.read(late.id).error() == errc::not_found);
  CHECK(ledger_caller{led}.read(fresh.id));
}

// ---------------------------------------------------------------- groups

TEST_CASE("an operation that cannot be carried out does not take its group with it") {
  world w;
  const auto bad = w.accepted(), good = w.accepted();
  w.term();
  w.held.reset();
  { // somebody else's event is in the way of the grant
    sqlite::connection db{file_of(w).string(), {}};
    db.run("INSERT INTO event SELECT job_no, 2, 999, at_ms, kind, from_state, to_state, fence, batch_no, cause, "
           "counted, gpu_ms, mono_ns, not_before_ms, class, degraded FROM event WHERE job_no = 1");
  }
  gated g{w};
  std::vector<errc> granted;
  auto grant = [&](const job_id& id) {
    g.led->grant(w.batch_of({id}), [&](auto a) { granted.push_back(a ? a->jobs[0].code : a.error()); });
  };
  g.accept(w.request());
  grant(bad);
  g.accept(w.request("newcomer"));
  grant(good);
  g.finish();
  CHECK(g.accepted == std::vector(2, errc::ok));
  CHECK(granted == std::vector{errc::unavailable, errc::ok});
  CHECK(number_in(w, "SELECT count(*) FROM job") == 4);
  CHECK(number_in(w, "SELECT state FROM job WHERE no = 1") == 0);
  CHECK(number_in(w, "SELECT count(*) FROM batch") == 1);
}

TEST_CASE("a commit that fails for want of memory is done again, one operation after the other") {
  faulty_vfs disk;
  world w;
  gated g{w};
  std::atomic<int> failures{0};
  disk.on_write = [&failures](std::string_view name) {
    return name.ends_with("-wal") && failures++ == 0 ? SQLITE_IOERR_NOMEM : SQLITE_OK;
  };
  for (int i = 0; i < 5; ++i) g.accept(w.request("newcomer"));
  g.finish();
  CHECK(failures > 1);
  CHECK(g.accepted == std::vector(5, errc::ok));
  CHECK(ledger_audit::complaints_about(file_of(w)) == sound);
}

TEST_CASE("a full disk in the middle of a group answers each of it rightly and leaves no trace of what it refused") {
  faulty_vfs disk;
  world_options limits;
  limits.limits.tenant_queued_jobs_max = 3;
  world w{limits};
  auto running = w.leased();
  const auto reserve = file_of(w).string() + ".reserve";
  gated g{w, [&limits](auto& o) { o.limits = limits.limits; }};
  int commits = 0;
  disk.on_write = [&reserve](std::string_view name) {
    return name.ends_with("-wal") && std::filesystem::exists(reserve) ? SQLITE_FULL : SQLITE_OK;
  };
  disk.on_sync = [&commits](std::string_view name) {
    commits += name.ends_with("-wal");
    return SQLITE_OK;
  };
  errc ended = errc::internal;
  for (int i = 0; i < 5; ++i) g.accept(w.request("newcomer"));
  g.led->end({w.term(), running.batch, {w.how(running, verdict::succeeded)}}, [&](auto a) { ended = a->codes[0]; });
  g.finish();
  CHECK(commits >= 1);
  CHECK(g.accepted == std::vector(5, errc::no_space));
  CHECK(ended == errc::ok);
  disk.on_write = [](std::string_view) { return SQLITE_OK; };
  auto options = small_sqlite(w.folder, w.clock);
  options.limits = limits.limits;
  sqlite_ledger led{options, run_at_once};
  ledger_caller call{led};
  for (int i = 0; i < 3; ++i) CHECK(call.accept(w.request("newcomer")).code == errc::ok); // nothing was counted
  CHECK(call.accept(w.request("newcomer")).code == errc::quota_exceeded);
}

// ---------------------------------------------------------------- reading

TEST_CASE("a read that fails for want of memory is answered, and the next one is served") {
  faulty_vfs disk;
  world w;
  std::vector<job_id> jobs;
  for (int i = 0; i < 300; ++i) jobs.push_back(w.accepted()); // more than the reader keeps
  w.held.reset();
  auto options = small_sqlite(w.folder, w.clock);
  options.reader_cache_kib = 16;
  options.fatal = [](const std::string& why) { FAIL_CHECK(why); };
  sqlite_ledger led{options, run_at_once};
  ledger_caller call{led};
  REQUIRE(call.list({{}, {}, 100, true}));
  disk.on_read = [](std::string_view) { return SQLITE_IOERR_NOMEM; };
  CHECK(call.list({{}, {}, 100, false}).error() == errc::unavailable);
  disk.on_read = [](std::string_view) { return SQLITE_OK; };
  CHECK(call.list({{}, {}, 100, false}));
  CHECK(call.read(jobs[150]));
}
