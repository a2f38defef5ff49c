// observe_test.cpp: How a running line is watched: every node, with a gateway or without, says how it is and shows its
// figures; what a job did shows in them; promtool accepts them, and a Prometheus with our own configuration finds all
// nodes, scrapes them and loads our rules.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <regex>

#include "src/harness/local_cluster.hpp"
#include "src/harness/temporary_folder.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/observability/tools.hpp"
#include "tests/support/command.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

struct answer {
  int status = 0; ///< 0: none
  std::string body;
};

answer fetch(const std::string& url) {
  const auto how = run("curl -s -m 5 -w '\\n%{http_code}' '" + url + "'");
  const auto end = how.text.rfind('\n');
  if (how.code != 0 || end == std::string::npos) return {};
  return {std::stoi(how.text.substr(end + 1)), how.text.substr(0, end)};
}

struct watched_cluster {
  explicit watched_cluster(const std::string& name, std::string model, std::string more = {})
      : own{"reel-" + name}, dir{own.path().string()},
        cluster{{.dir = dir, .bin = REEL_BIN_DIR, .models = std::move(model), .more = std::move(more), .slots = 1}},
        api{{cluster.url(), cluster.api_key()}} {
    api.set_patience(60);
  }

  std::string targets_file(const std::string& node) const { return dir + "/run/" + node + ".targets.json"; }
  /// Where a node says that it is watched.
  std::string at(const std::string& node) const {
    const auto file = json::parse(text_of(targets_file(node)));
    return "http://" + std::string{file.at(0).at("targets").at(0).as_string()};
  }
  answer ask(const std::string& node, const std::string& path) const {
    return fs::exists(targets_file(node)) ? fetch(at(node) + path) : answer{};
  }
  bool is_ready(const std::string& node) const { return ask(node, "/readyz").status == 200; }
  bool has_reason(const std::string& node, const std::string& reason) const {
    const auto a = ask(node, "/readyz");
    return a.status == 503 && a.body.find(reason) != std::string::npos;
  }
  /// Of a series as it is written; -1: it is not there.
  double value(const std::string& node, const std::string& series) const {
    const auto all = '\n' + ask(node, "/metrics").body;
    const auto at = all.find('\n' + series + ' ');
    return at == std::string::npos ? -1 : std::stod(all.substr(at + series.size() + 2));
  }

  harness::temporary_folder own; ///< first: goes last
  std::string dir;
  harness::local_cluster cluster;
  ctl::api_client api;
};

} // namespace

TEST_CASE("every node lives and is ready or says why not") {
  watched_cluster w{"health", harness::null_model(0, 1), "[workers]\nnull_step_time = \"200ms\"\n"};
  for (const auto* node : {"control", "workers-1"}) {
    INFO(node);
    eventually("it is ready", [&] { return w.is_ready(node); });
    CHECK(w.ask(node, "/readyz").body == "{\"ready\":true,\"reasons\":[]}\n");
    CHECK(w.ask(node, "/healthz").body == "{\"alive\":true,\"reasons\":[]}\n");
    CHECK(w.ask(node, "/other").status == 404);
    CHECK(fetch(w.at(node) + "/metrics?x").status == 200);
  }
  CHECK(fetch(w.cluster.url() + "/healthz").body == "{\"alive\":true,\"reasons\":[]}");

  w.cluster.kill("control");
  eventually("the worker node misses it", [&] { return w.has_reason("workers-1", "link to control: "); });
  CHECK(w.ask("workers-1", "/healthz").status == 200);
  w.cluster.start("control");
  w.cluster.wait_until_ready();
  eventually("both are ready again", [&] { return w.is_ready("control") && w.is_ready("workers-1"); });
  CHECK(w.value("workers-1", "reel_link_reconnects_total{link=\"cluster\"}") >= 1);

  w.cluster.signal("workers-1", SIGSTOP); // it answers nobody
  CHECK(w.ask("workers-1", "/healthz").status == 0);
  w.cluster.signal("workers-1", SIGCONT);
  eventually("it is ready again", [&] { return w.is_ready("workers-1"); });

  const auto id = submit(w.api, {{"prompt", "x"}, {"num_inference_steps", 20}}); // four seconds
  eventually("it runs", [&] { return status_of(w.api, id) == "in_progress"; });
  w.cluster.signal("workers-1", SIGTERM);
  eventually("it says that it drains", [&] { return w.has_reason("workers-1", "draining"); });
  CHECK(w.cluster.wait("workers-1") == 0);
  CHECK_FALSE(fs::exists(w.targets_file("workers-1")));
}

TEST_CASE("what jobs did shows in the figures of their nodes, and promtool accepts these") {
  watched_cluster w{"figures", harness::null_model(2000, 2)};
  for (int i = 0; i < 6; ++i) wait_until_completed(w.api, submit(w.api, {{"prompt", std::to_string(i)}}));
  const auto control = [&](const std::string& series) { return w.value("control", series); };
  CHECK(control("reel_jobs_accepted_total") == 6);
  CHECK(control("reel_job_wait_seconds_count{class=\"standard\",shape=\"64x64x17\"}") == 6);
  CHECK(control("reel_job_run_seconds_count{class=\"standard\",shape=\"64x64x17\"}") == 6);
  CHECK(control("reel_gpu_busy_seconds_total{model=\"null\"}") > 0);
  CHECK(control("reel_gpu_useful_seconds_total{model=\"null\"}") ==
        control("reel_gpu_busy_seconds_total{model=\"null\"}"));
  CHECK(control("reel_batch_measured_seconds_total{model=\"null\"}") > 0);
  CHECK(control("reel_ledger_commit_seconds_count") > 6);
  CHECK(control("reel_ledger_commit_operations_sum") >= control("reel_ledger_commit_seconds_count"));
  CHECK(control("reel_object_call_seconds_count{call=\"put\"}") >= 6);
  CHECK(control("reel_object_bytes_total{call=\"put\"}") >= 12000);
  eventually("the scheduler is asked",
             [&] { return control("reel_actor_answer_seconds_count{actor=\"scheduler\"}") > 0; });
  eventually("the term is told", [&] { return control("reel_leader_term") >= 1; });
  eventually("the node says that it is ready", [&] { return control("reel_node_ready") == 1; });
  CHECK(control("process_resident_memory_bytes") > 1 << 20);
  CHECK(control("reel_disk_size_bytes{folder=\"" + w.dir + "\"}") > 0);
  eventually("frames are counted",
             [&] { return control("reel_link_frames_total{direction=\"received\",link=\"cluster\"}") > 0; });

  const std::string worker = "worker=\"workers-1/0\"";
  eventually("the worker's figures come through its node",
             [&] { return w.value("workers-1", "reel_worker_steps_total{" + worker + "}") >= 6; });
  CHECK(w.value("workers-1", "reel_worker_state{" + worker + "}") == 1);
  CHECK(w.value("workers-1", "reel_worker_resident_bytes{" + worker + "}") > 1 << 20);
  CHECK(w.value("workers-1", "reel_text_encodings_total{" + worker + "}") >= 6);

  const auto promtool = find_tool("promtool");
  if (promtool.empty()) SKIP(no_prometheus);
  for (const auto* node : {"control", "workers-1"}) {
    const auto how = run("curl -s " + w.at(node) + "/metrics | " + promtool + " check metrics 2>&1");
    INFO(node << ":\n" << how.text);
    CHECK(how.code == 0);
    CHECK(how.text.empty());
  }
}

namespace {

/// Started with the configuration that operators copy, its paths apart.
class watcher {
public:
  watcher(const std::string& program, const std::string& cluster_dir) : port_{harness::free_port()} {
    const auto from = fs::path{REEL_SOURCE_DIR} / "cluster-configs/observability", to = fs::path{cluster_dir} / "watch";
    fs::create_directories(to);
    fs::copy_file(from / "reelworks.rules.yml", to / "reelworks.rules.yml");
    auto config = std::regex_replace(text_of(from / "prometheus.yml"), std::regex{"/var/lib/reelworks"}, cluster_dir);
    config = std::regex_replace(config, std::regex{"_interval: \\d+s"}, "_interval: 1s");
    std::ofstream{to / "prometheus.yml"} << config;
    process_.emplace(child_spec{{program, "--config.file=" + (to / "prometheus.yml").string(),
                                 "--storage.tsdb.path=" + (to / "data").string(),
                                 fmt::format("--web.listen-address=127.0.0.1:{}", port_)},
                                {},
                                (to / "log").string()});
  }
  ~watcher() { process_->signal(SIGKILL); }

  /// The result of a query: one entry per series.
  json::array query(const std::string& expression) const {
    const auto how = run(
        fmt::format("curl -s -m 5 -G http://127.0.0.1:{}/api/v1/query --data-urlencode 'query={}'", port_, expression));
    json::error_code bad;
    const auto all = json::parse(how.text, bad);
    return bad ? json::array{} : all.at("data").at("result").as_array();
  }
  std::string rules() const { return fetch(fmt::format("http://127.0.0.1:{}/api/v1/rules", port_)).body; }

private:
  std::uint16_t port_;
  std::optional<harness::process> process_;
};

} // namespace

TEST_CASE("a Prometheus with our configuration finds and scrapes all nodes of a live cluster") {
  const auto program = find_tool("prometheus");
  if (program.empty()) SKIP(no_prometheus);
  watched_cluster w{"scraped", harness::null_model(500, 2)};
  const watcher prometheus{program, w.dir};
  eventually("both nodes are up", [&] { return prometheus.query("up{job=\"reelworks\"} == 1").size() == 2; });
  for (int i = 0; i < 3; ++i) wait_until_completed(w.api, submit(w.api, {{"prompt", std::to_string(i)}}));
  eventually("three jobs are completed there", [&] {
    return prometheus.query("reel_jobs_ended_total{state=\"succeeded\",node=\"control\",cluster=\"test\"} == 3")
               .size() == 1;
  });
  eventually("the worker's steps are there", [&] {
    return prometheus.query("reel_worker_steps_total{node=\"workers-1\",worker=\"workers-1/0\"} >= 3").size() == 1;
  });
  CHECK(prometheus.query("reel_build_info").size() == 2);
  CHECK(prometheus.query("histogram_quantile(0.9, sum by (le) (reel_ledger_commit_seconds_bucket)) >= 0").size() == 1);
  eventually("the rules are evaluated", [&] {
    return !prometheus.query("reel:jobs_completed:rate5m").empty() &&
           prometheus.rules().find("\"health\":\"unknown\"") == std::string::npos;
  });
  CHECK(prometheus.rules().find("\"health\":\"err\"") == std::string::npos);
  CHECK(prometheus.query("ALERTS{severity=\"page\",alertstate=\"firing\"}").empty());
  w.cluster.kill("workers-1"); // its file stays: nobody says that it left
  eventually("it is missed", [&] { return prometheus.query("up{node=\"workers-1\"} == 0").size() == 1; });
}
