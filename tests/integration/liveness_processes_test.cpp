// liveness_processes_test.cpp: Real processes that die, freeze, come back and are stopped in order, and what becomes of
// the work they had: it is adopted, done elsewhere, or handed over, and its result is one. A model whose steps take as
// long as the test says, and where videos are compared the small Wan model.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "src/harness/local_cluster.hpp"
#include "src/harness/process_figures.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"
#include "tests/integration/step_pace.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

std::string submit(ctl::api_client& api, int steps) {
  return testing::submit(api, json::object{{"prompt", "a red ball"}, {"num_inference_steps", steps}});
}

bool shows(ctl::api_client& api, const std::string& metric) {
  return api.get_text("/metrics").find('\n' + metric + '\n') != std::string::npos;
}

/// Where a job runs; empty: it does not.
std::string worker_of(harness::local_cluster& cluster, const std::string& id) {
  return std::string{json::parse(cluster.reelctl({"--json", "why", id})).at("worker").as_string()};
}

bool log_has(const harness::local_cluster& cluster, const std::string& node, const std::string& words) {
  std::ifstream in{cluster.dir() + "/log/" + node + ".out"};
  return std::string{std::istreambuf_iterator<char>{in}, {}}.find(words) != std::string::npos;
}

int attempt_of(ctl::api_client& api, const std::string& id) {
  return video(api, id).at("reel").at("attempt").to_number<int>();
}

/// Of a node's process: a child of ours with its name.
int pid_of(const std::string& node) {
  for (auto pid : harness::children_of(::getpid())) {
    std::ifstream in{fmt::format("/proc/{}/cmdline", pid)};
    std::string words{std::istreambuf_iterator<char>{in}, {}};
    if (words.find(std::string{"--node"} + '\0' + node + '\0') != std::string::npos) return pid;
  }
  FAIL("no process of " << node);
  return 0;
}

/// Of a worker process; 0: it has none.
int pid_of_worker(harness::local_cluster& cluster, const std::string& worker) {
  auto view = json::parse(cluster.reelctl({"--json", "workers"}));
  for (const auto& w : view.at("workers").as_array())
    if (w.at("id").as_string() == worker) return w.at("pid").to_number<int>();
  return 0;
}

/// Of a counter or gauge without labels.
double value_of(ctl::api_client& api, const std::string& metric) {
  auto text = api.get_text("/metrics");
  auto at = text.find('\n' + metric + ' ');
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + metric.size() + 2));
}

std::string content(ctl::api_client& api, const std::string& id, const std::string& variant) {
  return api.get_text("/v1/videos/" + id + "/content?variant=" + variant);
}

std::size_t saved_runs_in(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator{folder})
    count += file.path().extension() == ".run";
  return count;
}

void signal_all(const std::vector<int>& pids, int number) {
  for (auto pid : pids) REQUIRE(::kill(pid, number) == 0);
}

} // namespace

TEST_CASE(
    "work that runs while the control node is killed and started again is adopted, and new work is granted soon") {
  auto dir = folder("adopt");
  {
    step_pace pace{dir};
    harness::local_cluster cluster{pace.cluster(2)};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120);
    auto running = submit(api, 1000);
    eventually("it is under way", [&] { return step_of(api, running) >= 10; });
    auto before = step_of(api, running);
    auto killed_at = std::chrono::steady_clock::now();
    cluster.kill("control");
    cluster.start("control");
    auto next = submit(api, 2); // tried until the control node is there
    eventually("new work is granted", [&] { return attempt_of(api, next) == 1; });
    CHECK(std::chrono::steady_clock::now() - killed_at < 30s);
    eventually("it is seen again", [&] { return step_of(api, running) >= before || has_ended(api, running); });
    pace.quick();
    wait_until_completed(api, next);
    CHECK(wait_until_completed(api, running).at("reel").at("attempt").to_number<int>() == 1);
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.retried == 0); // not even uncounted
  std::filesystem::remove_all(dir);
}

TEST_CASE("a node that freezes past its leases and thaws again changes nothing any more: one result, and a late end "
          "refused") {
  auto dir = folder("zombie");
  {
    step_pace pace{dir};
    auto wanted = pace.cluster(1, 2);
    wanted.more = "[scheduler]\nlease_ttl = \"10s\"\nrenew_every = \"1s\"\n";
    harness::local_cluster cluster{wanted};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    auto id = submit(api, 1000);
    eventually("it is under way", [&] { return step_of(api, id) >= 10; });
    auto first = worker_of(cluster, id);
    auto frozen = first.substr(0, first.find('/'));
    REQUIRE(frozen.starts_with("workers-"));
    auto pids = harness::children_of(pid_of(frozen));
    pids.push_back(pid_of(frozen));
    signal_all(pids, SIGSTOP);
    eventually("another node has it", [&] {
      auto now = worker_of(cluster, id);
      return !now.empty() && now != first;
    });
    eventually("and gets on", [&] { return step_of(api, id) > 0; });
    REQUIRE(step_of(api, id) < 1000);
    signal_all(pids, SIGCONT);
    eventually("its end is refused", [&] { return log_has(cluster, "control", "late end of a batch refused"); });
    pace.quick();
    auto ended = wait_until_completed(api, id);
    CHECK(ended.at("reel").at("attempt").to_number<int>() <= 2); // a lost lease counts, a lost node does not
    auto after = submit(api, 2);
    wait_until_completed(api, after);
    eventually("both nodes work again", [&] { return shows(api, "reel_workers_ready 2"); });
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("workers-2") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == 2);
  CHECK(r.retried == 1);
  std::filesystem::remove_all(dir);
}

TEST_CASE("all nodes are restarted one after the other under load, and no job has a second attempt") {
  auto dir = folder("rolling");
  {
    step_pace pace{dir};
    harness::local_cluster cluster{pace.cluster(1, 2)};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120);
    std::vector<std::string> ids;
    for (const std::string node : {"workers-1", "workers-2", "control"}) {
      for (int i = 0; i < 8; ++i) ids.push_back(submit(api, 20)); // a second of two jobs
      eventually("work runs", [&] { return step_of(api, ids.back()) > 0 || has_ended(api, ids[ids.size() - 8]); });
      CHECK(cluster.stop(node) == 0);
      cluster.start(node);
      eventually("both workers are back", [&] { return shows(api, "reel_workers_ready 2"); });
    }
    pace.quick();
    for (const auto& id : ids) CHECK(wait_until_completed(api, id).at("reel").at("attempt").to_number<int>() == 1);
    for (const std::string node : {"workers-1", "workers-2", "control"}) CHECK(cluster.stop(node) == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == 24);
  std::filesystem::remove_all(dir);
}

TEST_CASE("a second SIGTERM has a node hand over what it runs at once, with the work that was done") {
  auto dir = folder("hurry");
  {
    step_pace pace{dir};
    harness::local_cluster cluster{pace.cluster(1, 2)};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    auto id = submit(api, 1000);
    eventually("it is under way", [&] { return step_of(api, id) >= 10; });
    auto first = worker_of(cluster, id);
    auto node = first.substr(0, first.find('/'));
    auto before = step_of(api, id);
    REQUIRE(::kill(pid_of(node), SIGTERM) == 0);
    eventually("it drains", [&] { return log_has(cluster, node, "node stops"); });
    CHECK(cluster.stop(node) == 0); // the second
    int looks = 0;
    eventually("another node goes on from there", [&] {
      auto step = step_of(api, id);
      if (step > 0 && !has_ended(api, id)) {
        CHECK(step >= before);
        if (++looks == 10) pace.quick();
      }
      return has_ended(api, id);
    });
    CHECK(looks > 0);
    CHECK(wait_until_completed(api, id).at("reel").at("attempt").to_number<int>() == 1);
    CHECK(cluster.stop(node == "workers-1" ? "workers-2" : "workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}

TEST_CASE("a job whose worker is killed goes on from its latest checkpoint, to the same video") {
  auto dir = folder("checkpoint");
  {
    step_pace pace{dir}; // so that storing a checkpoint takes less than the steps to the next one
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = wan_model(1, 17, 20, 1000), // each on a worker of its own
                                    .more = "[workers]\ncheckpoint_cost = 1\n\n"
                                            "[storage]\nsweep_every = \"1s\"\norphan_age = \"1min\"\n",
                                    .slots = 2,
                                    .fault_plan = pace.plan()}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    constexpr int steps = 200, interval = steps / 10;
    const json::object same{{"prompt", "a red ball"}, {"seed", 5}, {"num_inference_steps", steps}, {"size", "128x128"}};
    auto calm = testing::submit(api, same), killed = testing::submit(api, same);
    eventually("both are under way", [&] { return step_of(api, calm) > 0 && step_of(api, killed) > 0; });
    auto from_of = [&] {
      return json::parse(cluster.reelctl({"--json", "why", killed})).at("from_step").to_number<int>();
    };
    // Both are saved about as often.
    eventually("it has been saved", [&] { return step_of(api, killed) >= 2 * interval + interval / 2; });
    eventually("more than once", [&] { return value_of(api, "reel_checkpoints_total") >= 4; });
    auto before = step_of(api, killed);
    REQUIRE(before < steps);
    REQUIRE(::kill(pid_of_worker(cluster, worker_of(cluster, killed)), SIGKILL) == 0);
    eventually("it goes on from a checkpoint", [&] { return from_of() > 0; });
    auto from = from_of();
    CHECK(from % interval == 0);
    CHECK(before - from <= 2 * interval); // steps go on while a checkpoint is being stored
    CHECK(cluster.reelctl({"why", killed}).find(fmt::format("went on from step {}", from)) != std::string::npos);
    auto ended = wait_until_completed(api, killed);
    CHECK(ended.at("reel").at("attempt").to_number<int>() == 2);
    wait_until_completed(api, calm);
    const bool same_video = content(api, killed, "thumbnail") == content(api, calm, "thumbnail");
    CHECK(same_video);
    auto history = cluster.reelctl({"history", killed});
    INFO(history);
    CHECK(history.find(fmt::format("\"x_from_step\":{}", from)) != std::string::npos);
    auto lost = value_of(api, "reel_steps_lost_total"), saving_s = value_of(api, "reel_checkpoint_seconds_total");
    auto gpu_s = video(api, calm).at("reel").at("gpu_seconds").to_number<double>();
    INFO(fmt::format("{} steps lost; {} s for {} checkpoints, {} s for a job", lost, saving_s,
                     value_of(api, "reel_checkpoints_total"), gpu_s));
    CHECK(lost <= 2 * interval);
    CHECK(saving_s < 0.02 * 2 * gpu_s);
    // One that was still being stored when its job ended is the sweeper's.
    eventually("no checkpoint is left", [&] { return saved_runs_in(dir + "/objects") == 0; });
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.retried == 1);
  std::filesystem::remove_all(dir);
}

TEST_CASE(
    "a slot whose processes keep dying is left alone, visibly, until an operator restarts it, and the others work") {
  auto dir = folder("eject");
  harness::local_cluster cluster{
      {.dir = dir, .bin = REEL_BIN_DIR, .models = many_steps_model, .more = {}, .slots = 2, .restart_pause = "50ms"}};
  ctl::api_client api{{cluster.url(), cluster.api_key()}};
  int pid = 0, killed = 0;
  for (int i = 0; i < 4; ++i) {
    eventually("it has a process, another than before", [&] {
      pid = pid_of_worker(cluster, "workers-1/0");
      return pid != 0 && pid != killed && shows(api, "reel_workers_ready 2");
    });
    REQUIRE(::kill(pid, SIGKILL) == 0);
    killed = pid;
  }
  eventually("it is ejected", [&] { return shows(api, "reel_workers_ejected 1"); });
  CHECK(cluster.reelctl({"workers"}).find("ejected") != std::string::npos);
  wait_until_completed(api, submit(api, 2));
  cluster.reelctl({"restart-slot", "workers-1/0"});
  eventually("it is back", [&] { return shows(api, "reel_workers_ready 2"); });
  CHECK(shows(api, "reel_workers_ejected 0"));
  CHECK_THROWS(cluster.reelctl({"restart-slot", "workers-1/0"})); // it has a process
  CHECK_THROWS(cluster.reelctl({"restart-slot", "workers-1"}));
  CHECK(cluster.stop("workers-1") == 0);
  CHECK(cluster.stop("control") == 0);
  std::filesystem::remove_all(dir);
}
