// storage_bench.cpp: How fast the ledger and the file store are on this disk, beside what the disk and SQLite
// can do at best. Not part of ctest; run it alone on a quiet machine:
//
//   bench_storage FOLDER [jobs] [raw|accept|life|million|million-keys|objects ...]
//
// "cpu" is the time of the ledger's own threads: the process without the thread that makes the load.
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <set>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "actors/storage/file_objects.hpp"
#include "actors/storage/request_codec.hpp"
#include "actors/storage/sqlite/connection.hpp"
#include "actors/storage/sqlite_ledger.hpp"
#include "actors/storage/work_queue.hpp"
#include "tests/storage/samples.hpp"

using namespace reel;

namespace {

double seconds_of(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Wall time, and CPU time of all threads but the calling one.
struct stopwatch {
  double wall = seconds_of(CLOCK_MONOTONIC);
  double cpu = others();

  static double others() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) - seconds_of(CLOCK_THREAD_CPUTIME_ID); }
  double wall_s() const { return seconds_of(CLOCK_MONOTONIC) - wall; }
  double cpu_s() const { return others() - cpu; }
};

void report(const char* what, std::size_t rows, const stopwatch& watch) {
  const auto wall_s = watch.wall_s(), cpu_s = watch.cpu_s();
  std::printf("%-44s %9.0f /s  %6.1f us cpu each\n", what, static_cast<double>(rows) / wall_s,
              cpu_s * 1e6 / static_cast<double>(rows));
  std::fflush(stdout);
}

std::size_t status_kib(const char* name) {
  std::FILE* f = std::fopen("/proc/self/status", "r");
  char line[256];
  std::size_t kib = 0;
  while (std::fgets(line, sizeof line, f))
    if (std::strncmp(line, name, std::strlen(name)) == 0)
      kib = std::strtoull(line + std::strlen(name) + 1, nullptr, 10);
  std::fclose(f);
  return kib;
}

// ---------------------------------------------------------------- raw limits

void raw_file(const std::string& folder, std::size_t rows) {
  const std::string row(300, 'x');
  const auto path = folder + "/raw.bin";
  int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  std::string group;
  for (int i = 0; i < 64; ++i) group += row;
  const std::string zeros(64u << 20, '\0');
  if (::pwrite(fd, zeros.data(), zeros.size(), 0) < 0) std::abort();
  ::fsync(fd);
  const double start = seconds_of(CLOCK_MONOTONIC);
  for (std::size_t n = 0; n < rows; n += 64) {
    if (::pwrite(fd, group.data(), group.size(), static_cast<off_t>(n * 300 % (48u << 20))) < 0) std::abort();
    ::fdatasync(fd);
  }
  std::printf("%-44s %9.0f /s\n", "raw: write + fdatasync, 64 rows of 300 B",
              static_cast<double>(rows) / (seconds_of(CLOCK_MONOTONIC) - start));
  ::close(fd);
  ::unlink(path.c_str());
}

void raw_sqlite(const std::string& folder, std::size_t rows) {
  const auto path = folder + "/raw.db";
  for (auto suffix : {"", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  sqlite::connection db{path, {}};
  db.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(no INTEGER PRIMARY KEY, body BLOB)");
  const std::string row(300, 'x');
  sqlite::statement insert{db, "INSERT INTO t VALUES(?1, ?2)"};
  const double start = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  for (std::size_t n = 0; n < rows;) {
    db.run("BEGIN IMMEDIATE");
    for (int i = 0; i < 64; ++i) insert.execute(++n, std::string_view{row});
    db.run("COMMIT");
  }
  std::printf("%-44s %9.0f /s  %6.1f us cpu each\n", "raw: SQLite, 64 rows of 300 B a commit",
              static_cast<double>(rows) / (seconds_of(CLOCK_MONOTONIC) - start),
              (seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e6 / static_cast<double>(rows));
}

// ---------------------------------------------------------------- ledger

/// A ledger, and the load thread's end of it: replies come back to the thread that calls wait().
class loaded_ledger {
public:
  explicit loaded_ledger(const std::string& folder)
      : replies_{1u << 20}, ledger_{options_in(folder),
                                    [this](std::function<void()> f) { replies_.push(std::move(f)); }} {}

  ledger* operator->() { return &ledger_; }

  void wait() {
    replies_.take(ready_, 1);
    for (auto& reply : ready_) reply();
    ready_.clear();
  }

private:
  static sqlite_ledger_options options_in(const std::string& folder) {
    sqlite_ledger_options o;
    o.file = folder + "/ledger.db";
    o.limits.queued_jobs_max = o.limits.tenant_queued_jobs_max = 100'000'000;
    return o;
  }

  work_queue<std::function<void()>> replies_;
  std::vector<std::function<void()>> ready_;
  sqlite_ledger ledger_;
};

struct load {
  std::size_t tenants = 10;
  bool keys = false;
  id_generator ids;
  std::size_t made = 0;

  job_request next() {
    auto r = samples::request(ids.next<job_id>(samples::real_time()), "tenant-" + std::to_string(made % tenants));
    if (keys) r.idempotency_key = to_string(samples::sha256_of(to_string(r.id))); // as random as clients make them
    ++made;
    return r;
  }
};

void fail_unless(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::exit(1);
}

/// `in_flight` submitters, one job a message, each waiting for its answer.
std::vector<job_id> accept_many(loaded_ledger& led, load& from, std::size_t jobs, std::size_t in_flight) {
  std::vector<job_id> ids;
  ids.reserve(jobs);
  std::size_t started = 0, done = 0;
  while (done < jobs) {
    for (; started < jobs && started - done < in_flight; ++started) {
      accept_jobs m{{from.next()}};
      ids.push_back(m.jobs[0].id);
      led->accept(std::move(m), [&done](outcome<accept_answers, errc> a) {
        fail_unless(a && a->answers[0].code == errc::ok, "accept");
        ++done;
      });
    }
    led.wait();
  }
  return ids;
}

void grant_and_end(loaded_ledger& led, std::uint64_t term, const std::vector<job_id>& ids, id_generator& make) {
  constexpr std::size_t batch_jobs = 64, batches_in_flight = 8;
  std::size_t next = 0, in_flight = 0, ended = 0;
  while (ended < ids.size()) {
    for (; in_flight < batches_in_flight && next < ids.size(); ++in_flight) {
      grant_batch m{term, make.next<batch_id>(samples::real_time()), {"workers-1/0"}, {"wan-small"}, {}};
      for (std::size_t i = 0; i < batch_jobs && next < ids.size(); ++i) m.jobs.push_back(ids[next++]);
      end_batch e{term, m.batch, {}};
      led->grant(std::move(m), [&, e](outcome<grant_answer, errc> a) mutable {
        fail_unless(a.has_value(), "grant");
        for (auto& job : a->jobs) {
          fail_unless(job.code == errc::ok, "grant");
          job_outcome o{job.request.id, job.fence};
          o.video.size_bytes = 1000;
          o.gpu_ms = 12;
          e.outcomes.push_back(std::move(o));
        }
        led->end(std::move(e), [&](outcome<end_answer, errc> b) {
          fail_unless(b && b->codes[0] == errc::ok, "end");
          ended += b->codes.size();
          --in_flight;
        });
      });
    }
    led.wait();
  }
}

std::uint64_t lead(loaded_ledger& led) {
  std::uint64_t term = 0;
  led->lead({{"bench"}, {1}}, [&term](outcome<leadership, errc> a) { term = a->term; });
  while (term == 0) led.wait();
  return term;
}

void fresh(const std::string& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
}

void bench_accept(const std::string& folder, std::size_t jobs) {
  for (std::size_t in_flight : {1u, 16u, 64u, 256u})
    for (auto [tenants, keys] : {std::pair{10u, false}, {1000u, false}, {10u, true}}) {
      if (in_flight != 64 && (tenants != 10 || keys)) continue;
      fresh(folder);
      loaded_ledger led{folder};
      load from{tenants, keys};
      accept_many(led, from, jobs / 20, in_flight);
      const auto count = in_flight == 1 ? jobs / 20 : jobs;
      stopwatch watch;
      accept_many(led, from, count, in_flight);
      char name[100];
      std::snprintf(name, sizeof name, "accept, %zu in flight, %u tenants%s", in_flight, tenants,
                    keys ? ", with keys" : "");
      report(name, count, watch);
    }
}

void bench_life(const std::string& folder, std::size_t jobs) {
  fresh(folder);
  loaded_ledger led{folder};
  load from;
  const auto term = lead(led);
  stopwatch whole;
  auto ids = accept_many(led, from, jobs, 64);
  report("life: accept, 64 in flight", jobs, whole);
  stopwatch half;
  grant_and_end(led, term, ids, from.ids);
  report("life: grant 64 + end 64, 8 batches", jobs, half);
  report("life: whole", jobs, whole);
}

void bench_million(const std::string& folder, bool keys) {
  constexpr std::size_t million = 1'000'000, probe = 50'000;
  fresh(folder);
  load from;
  from.keys = keys;
  {
    loaded_ledger led{folder};
    accept_many(led, from, probe, 64);
    stopwatch before;
    accept_many(led, from, probe, 64);
    report("accept before", probe, before);
    stopwatch filling;
    accept_many(led, from, million - 2 * probe, 512);
    report("filling up to a million waiting", million - 2 * probe, filling);
    stopwatch after;
    accept_many(led, from, probe, 64);
    report("accept beside a million waiting", probe, after);
  }
  const auto bytes = std::filesystem::file_size(folder + "/ledger.db");
  std::string body;
  stored::encode_request(from.next(), body);
  std::printf("%-44s %9.0f bytes (request %zu)\n", "disk per waiting job",
              static_cast<double>(bytes) / static_cast<double>(million + probe), body.size());
  const double start = seconds_of(CLOCK_MONOTONIC);
  loaded_ledger led{folder};
  std::printf("%-44s %9.2f s\n", "open with a million waiting", seconds_of(CLOCK_MONOTONIC) - start);
  std::size_t read = 0;
  bool more = true;
  std::optional<job_id> last;
  stopwatch recovery;
  while (more) {
    bool answered = false;
    led->unfinished({last, 1000}, [&](outcome<unfinished_page, errc> page) {
      read += page->jobs.size();
      last = page->jobs.back().id;
      more = page->has_more;
      answered = true;
    });
    while (!answered) led.wait();
  }
  report("reading all unfinished, 1000 a page", read, recovery);
  const auto term = lead(led);
  std::vector<job_id> oldest;
  led->unfinished({{}, 1000}, [&](outcome<unfinished_page, errc> page) {
    for (auto& job : page->jobs) oldest.push_back(job.id);
  });
  while (oldest.empty()) led.wait();
  stopwatch ends;
  grant_and_end(led, term, oldest, from.ids);
  report("grant + end of the 1000 oldest", oldest.size(), ends);
  std::printf("%-44s %9zu KiB (now %zu, anonymous %zu)\n", "peak RSS of this process", status_kib("VmHWM:"),
              status_kib("VmRSS:"), status_kib("RssAnon:"));
}

// ---------------------------------------------------------------- objects

void bench_objects(const std::string& folder) {
  fresh(folder);
  file_objects store{{folder + "/objects"}};
  id_generator ids;
  for (std::size_t size : {1024u, 1024u, 100u * 1024, 1024u * 1024}) {
    std::size_t count = 0;
    const double start = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    while (seconds_of(CLOCK_MONOTONIC) - start < 2) {
      std::vector<object_write> batch;
      for (int i = 0; i < 64; ++i)
        batch.push_back(samples::object(ids.next<job_id>(samples::real_time()), std::string(size, 'v')));
      for (auto code : store.put(batch)) fail_unless(code == errc::ok, "put");
      count += batch.size();
    }
    const double wall = seconds_of(CLOCK_MONOTONIC) - start;
    std::printf("put, 64 objects of %7zu B, one thread        %9.0f /s  %6.1f us cpu each\n", size,
                static_cast<double>(count) / wall,
                (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / static_cast<double>(count));
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_storage FOLDER [jobs] [raw|accept|life|million|million-keys|objects ...]\n");
    return 2;
  }
  const std::string folder = std::string{argv[1]} + "/storage-bench";
  const std::size_t jobs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  const std::set<std::string> wanted{argv + std::min(argc, 3), argv + argc};
  auto on = [&wanted](const char* name) { return wanted.empty() || wanted.count(name) > 0; };
  fresh(folder);
  if (on("raw")) raw_file(folder, jobs);
  if (on("raw")) raw_sqlite(folder, jobs);
  if (on("accept")) bench_accept(folder, jobs);
  if (on("life")) bench_life(folder, jobs);
  if (on("million")) bench_million(folder, false);
  if (on("million-keys")) bench_million(folder, true); // keys fall anywhere into their index
  if (on("objects")) bench_objects(folder);
  std::filesystem::remove_all(folder);
}
