#include "src/reel-bench/line_bench.hpp"

#include <thread>

#include "src/reel-bench/bench_kit.hpp"
#include "src/reel-bench/raw_limits.hpp"
#include "src/reelctl/api_client.hpp"

namespace reel::bench {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr int null_batch_max = 64;

/// Jobs waiting or running, by /metrics.
bool is_drained(ctl::api_client& api) {
  auto text = api.get_text("/metrics");
  auto value = [&](const std::string& name) {
    auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0.0 : std::stod(text.substr(at + name.size() + 2));
  };
  return value("reel_jobs_running") == 0 && value(R"(reel_jobs_waiting{class="standard"})") == 0;
}

/// A cluster under measurement.
struct line {
  explicit line(const std::string& dir, std::size_t artifact_bytes)
      : cluster{{.dir = dir,
                 .bin = own_folder(),
                 .models = harness::null_model(artifact_bytes, null_batch_max),
                 .more = "[workers]\ncredits = 3\n"}} {}

  json::object load(const std::string& arguments) {
    return bench::load(cluster.port(), cluster.dir() + "/api-key", arguments);
  }
  void drain() {
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    for (int in_a_row = 0; in_a_row < 2; std::this_thread::sleep_for(1100ms)) // the gauges move once a second
      in_a_row = is_drained(api) ? in_a_row + 1 : 0;
  }
  double cpu_s() const { return std::chrono::duration<double>(harness::cpu_time(cluster.all_pids())).count(); }

  harness::local_cluster cluster;
};

void measure_raw(const line_options& o, figures& f) {
  f.add("raw: group commit, 64 writers, rows/s", group_commit_rows_per_s(o.dir, 1.5));
  f.add("raw: HTTP 202 with nothing behind, req/s", bare_202_per_s());
}

void measure_accept(line& l, figures& f) {
  for (int connections : {1, 16, 64}) {
    auto r = l.load(fmt::format("--mode accept --connections {} --seconds 3", connections));
    f.add(fmt::format("accepted at {} connections, jobs/s", connections), number(r, "accepted_per_s"));
    l.drain();
  }
}

void measure_completion(line& l, const line_options& o, figures& f) {
  auto before = l.cpu_s();
  auto r = l.load(fmt::format("--mode complete --connections 64 --jobs {}", o.jobs));
  f.add("completed (64 connections), jobs/s", number(r, "completed_per_s"));
  f.add("CPU s per 1000 jobs at 64 connections", (l.cpu_s() - before) / o.jobs * 1000);
  l.drain();
}

void measure_latency(line& l, figures& f) {
  constexpr int jobs = 750; // 15 s at 50 jobs/s
  auto before = l.cpu_s();
  auto r = l.load(fmt::format("--mode pace --jobs {} --jobs-per-s 50", jobs));
  f.add("submit to completed at 50 jobs/s, p50 ms", number(r, "p50_ms"));
  f.add("submit to completed at 50 jobs/s, p99 ms", number(r, "p99_ms"));
  f.add("CPU s per 1000 jobs at 50 jobs/s", (l.cpu_s() - before) / jobs * 1000);
}

void measure_memory(line& l, figures& f) {
  auto m = harness::memory_of(l.cluster.all_pids());
  f.add("RSS of all processes, MB", static_cast<double>(m.rss_bytes) / 1e6);
  f.add("PSS of all processes, MB", static_cast<double>(m.pss_bytes) / 1e6);
}

} // namespace

int run_line(const line_options& o) {
  figures plain, with_artifact;
  std::filesystem::create_directories(o.dir);
  for (int round = 1; round <= o.rounds; ++round) {
    fmt::print(stderr, "round {} of {}: raw limits, without artifact, with a 1 KiB artifact\n", round, o.rounds);
    measure_raw(o, plain);
    {
      line l{o.dir + "/plain", 0};
      measure_latency(l, plain); // first: the ledger is small and nothing is left over
      measure_memory(l, plain);
      measure_accept(l, plain);
      measure_completion(l, o, plain);
    }
    line l{o.dir + "/artifact", 1024};
    measure_latency(l, with_artifact);
    measure_completion(l, o, with_artifact);
  }
  plain.add("accepted at 64 connections / raw group commit",
            plain.median("accepted at 64 connections, jobs/s") / plain.median("raw: group commit, 64 writers, rows/s"));
  if (o.json) {
    fmt::print("{}\n", json::serialize(json::object{{"without_artifact", plain.json()},
                                                    {"with_1_KiB_artifact", with_artifact.json()}}));
    return 0;
  }
  fmt::print("Without an artifact, median (range) of {} rounds:\n", o.rounds);
  plain.print();
  fmt::print("With a 1 KiB artifact through the object path:\n");
  with_artifact.print();
  return 0;
}

int run_queue(const queue_options& o) {
  auto room = static_cast<std::size_t>(o.jobs) + 2'000'000; // for two more loads: the limit is not what is measured
  harness::local_cluster cluster{{.dir = o.dir + "/queue",
                                  .bin = own_folder(),
                                  .models = harness::null_model(0, null_batch_max),
                                  .more = fmt::format("[storage]\nqueued_jobs_max = {}\n", room),
                                  .slots = 1,
                                  .queued_jobs_max = room}};
  cluster.kill("workers-1");
  auto control = cluster.control_pid();
  figures f;
  auto rss_before = static_cast<double>(harness::memory_of({control}).rss_bytes);
  double accepted = 0;
  for (int part = 0; accepted < o.jobs; ++part) {
    auto r = load(cluster.port(), cluster.dir() + "/api-key", "--mode accept --connections 64 --seconds 4");
    accepted += number(r, "accepted");
    if (part == 0) f.add("accepted into an empty queue, jobs/s", number(r, "accepted_per_s"));
    if (!o.json) fmt::print(stderr, "\r{:.0f} jobs wait", accepted);
  }
  auto r = load(cluster.port(), cluster.dir() + "/api-key", "--mode accept --connections 64 --seconds 4");
  accepted += number(r, "accepted");
  f.add("jobs waiting", accepted);
  f.add("accepted into the full queue, jobs/s", number(r, "accepted_per_s"));
  f.add("memory per waiting job, bytes",
        (static_cast<double>(harness::memory_of({control}).rss_bytes) - rss_before) / accepted);
  if (o.json)
    fmt::print("{}\n", json::serialize(f.json()));
  else {
    fmt::print("\n");
    f.print();
  }
  return 0;
}

} // namespace reel::bench
