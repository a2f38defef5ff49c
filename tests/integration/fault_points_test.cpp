// fault_points_test.cpp: Processes that end, fail or lie at the places where it hurts most, made to do so by a plan of
// faults in a cluster of real processes, with no work of its own (null model). After each: every accepted job ended
// once, with one result. Rows of reliability.md are named. Each looks into faults.log: a fault that did not happen
// proves nothing.
#include <filesystem>
#include <fstream>
#include <set>

#include "src/harness/local_cluster.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

std::string made_ready(const std::string& dir) {
  fs::create_directories(dir);
  auto plan = dir + "/plan.toml";
  std::ofstream{plan}.flush();
  return plan;
}

/// Nothing happens in it until make() says so.
struct faulty_cluster {
  explicit faulty_cluster(const std::string& name, const std::string& more = {})
      : dir{folder(name)}, plan{made_ready(dir + "-plan")}, cluster{{.dir = dir,
                                                                     .bin = REEL_BIN_DIR,
                                                                     .models = harness::null_model(1000, 4),
                                                                     .more = more +
                                                                             "[scheduler]\nbackoff_first = \"1ms\"\n",
                                                                     .slots = 1,
                                                                     .fault_plan = plan,
                                                                     .restart_pause = "50ms"}} {
    api.set_patience(120);
  }
  ~faulty_cluster() {
    fs::remove_all(dir);
    fs::remove_all(dir + "-plan");
  }

  /// From now on, in all processes that are running.
  void make(const std::string& name, const std::string& at, const std::string& action, const std::string& more) {
    write("[[fault]]\nname = \"" + name + "\"\nat = \"" + at + "\"\naction = \"" + action + "\"\n" + more);
  }
  void write(const std::string& toml) const {
    std::ofstream{plan + ".new"} << toml;
    fs::rename(plan + ".new", plan);
  }

  /// How often it has happened, as the last line about it says.
  std::int64_t fired(const std::string& node, const std::string& name) const {
    std::ifstream in{dir + "/faults/" + node + "/faults.log"};
    std::int64_t count = 0;
    for (std::string line; std::getline(in, line);)
      if (auto o = json::parse(line); o.at("fault").as_string() == name) count = o.at("fired").as_int64();
    return count;
  }

  /// Ends in order; what the ledger says then.
  audit::report stop() {
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
    return audit::check_ledger(dir + "/ledger.sqlite");
  }

  std::vector<fs::path> videos() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator{dir + "/objects"})
      if (entry.path().extension() == ".mp4") all.push_back(entry.path());
    return all;
  }

  std::string dir, plan;
  harness::local_cluster cluster;
  ctl::api_client api{{cluster.url(), cluster.api_key()}};
};

json::object request(int seed = 1) { return {{"prompt", "a red ball"}, {"seed", seed}}; }

} // namespace

TEST_CASE("row 8: a gateway that dies before its answer has accepted the job, once, and repeating gives its id") {
  faulty_cluster c{"before-reply"};
  c.make("row-8", "gateway.before_reply", "abort", "most = 1\n");
  c.api.set_patience(0);
  CHECK_THROWS_AS(submit(c.api, request(), "the-key"), ctl::api_error);
  CHECK(c.cluster.wait("control") == 134);
  CHECK(c.fired("control", "row-8") == 1);
  c.cluster.start("control");
  c.cluster.wait_until_ready();
  auto id = submit(c.api, request(), "the-key");
  CHECK(submit(c.api, request(), "the-key") == id);
  wait_until_completed(c.api, id);
  CHECK(c.api.get("/v1/videos").at("data").as_array().size() == 1);
  auto r = c.stop();
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.jobs == 1);
}

TEST_CASE("row 5: a worker that dies between upload and commit leaves one result, and the other file is swept") {
  faulty_cluster c{"after-upload", "[storage]\nsweep_every = \"1s\"\norphan_age = \"1min\"\n"};
  c.make("row-5", "worker.after_upload", "kill", "most = 1\n");
  auto id = submit(c.api, request());
  wait_until_completed(c.api, id);
  CHECK(c.fired("workers-1", "row-5") == 1);
  auto content = c.api.get_text("/v1/videos/" + id + "/content");
  auto files = c.videos();
  CHECK(files.size() == 2);
  for (const auto& f : files) fs::last_write_time(f, fs::file_time_type::clock::now() - 2h);
  eventually("the orphan is swept", [&] { return c.videos().size() == 1; });
  CHECK(c.api.get_text("/v1/videos/" + id + "/content") == content);
  auto r = c.stop();
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == 1);
  CHECK(r.retried == 1);
}

TEST_CASE("row 6 and more: a control node that dies at any place of the line loses nothing and does nothing twice") {
  faulty_cluster c{"control-dies"};
  int dead = 0;
  for (std::string at : {"ledger.before_commit", "ledger.after_commit", "scheduler.plan", "scheduler.after_grant",
                         "batch.before_end", "batch.after_end"}) {
    INFO(at);
    auto name = "die-" + std::to_string(++dead);
    c.make(name, at, "abort", "most = 1\n");
    std::string id;
    std::thread client{[&] { id = submit(c.api, request(dead), name); }}; // repeats until it is answered
    CHECK(c.cluster.wait("control") == 134);
    CHECK(c.fired("control", name) == 1);
    c.cluster.start("control");
    client.join();
    wait_until_completed(c.api, id);
  }
  auto r = c.stop();
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.jobs == dead);
  CHECK(r.succeeded == dead);
}

TEST_CASE("rows 30 and 45: a store that fails, is full or gets a damaged file delays a job and corrupts none") {
  faulty_cluster c{"store"};
  int seed = 0;
  for (auto [at, action, node] :
       {std::tuple{"objects.write", "error", "control"}, std::tuple{"objects.write", "no_space", "control"},
        std::tuple{"objects.read", "error", "control"}, std::tuple{"render.result", "corrupt", "workers-1"}}) {
    INFO(at << ' ' << action);
    auto name = "store-" + std::to_string(++seed);
    c.make(name, at, action, "most = 1\n");
    auto id = submit(c.api, request(seed));
    wait_until_completed(c.api, id);
    std::string content;
    eventually("its content is read", [&] {
      try {
        content = c.api.get_text("/v1/videos/" + id + "/content");
      } catch (const ctl::api_error&) {
        return false;
      }
      return true;
    });
    CHECK(content.size() == 1000);
    CHECK(c.fired(node, name) == 1);
  }
  auto r = c.stop();
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == seed);
}

TEST_CASE(
    "rows 60 and 61: an actor that throws is started again, and one that does nothing else ends its node with 70") {
  faulty_cluster c{"actors"};
  int seed = 0;
  for (auto [at, node] : {std::tuple{"scheduler.after_grant", "control"}, std::tuple{"batch.after_end", "control"},
                          std::tuple{"gateway.before_accept", "control"}, std::tuple{"slots.tick", "workers-1"}}) {
    INFO(at);
    auto name = "once-" + std::to_string(++seed);
    c.make(name, at, "error", "most = 1\n");
    wait_until_completed(c.api, submit(c.api, request(seed), name));
    eventually("it has happened", [&] { return c.fired(node, name) == 1; });
  }
  c.make("always", "scheduler.plan", "error", "");
  auto id = submit(c.api, request(++seed));
  CHECK(c.cluster.wait("control") == 70);
  CHECK(c.fired("control", "always") >= 2);
  c.write("");
  c.cluster.start("control");
  c.cluster.wait_until_ready();
  wait_until_completed(c.api, id);
  auto r = c.stop();
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == seed);
}

TEST_CASE("rows 20, 22, 23: a link that loses, repeats and swaps frames delivers every job once") {
  faulty_cluster c{"frames"};
  std::string plan;
  for (std::string what : {"drop", "duplicate", "reorder"})
    plan += "[[fault]]\nname = \"" + what + "\"\nat = \"link.receive\"\naction = \"" + what + "\"\nprobability = 0.1\n";
  c.write(plan);
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(submit(c.api, request(i)));
  for (const auto& id : ids) wait_until_completed(c.api, id);
  for (std::string what : {"drop", "duplicate", "reorder"}) CHECK(c.fired("control", what) > 0);
  c.write("");
  auto r = c.stop();
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == 30);
}
