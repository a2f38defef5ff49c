// fleet_processes_test.cpp: Worker processes come and go with the work, and a machine that is taken away leaves nothing
// behind: real processes, the small Wan model, and one whose steps take as long as the test says.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <thread>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"
#include "tests/integration/step_pace.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

/// Many steps, so that a batch takes its time.
const std::string models = wan_model(2, 17, 20, 1000);

std::string submit(ctl::api_client& api, int steps) {
  return testing::submit(api, json::object{{"prompt", "a red ball"}, {"num_inference_steps", steps}});
}

bool shows(ctl::api_client& api, const std::string& metric) {
  return api.get_text("/metrics").find('\n' + metric + '\n') != std::string::npos;
}

} // namespace

TEST_CASE("a pile of jobs brings workers up to the most, its end brings them down to the least, and nothing is lost") {
  auto dir = folder("scale");
  {
    harness::local_cluster cluster{
        {.dir = dir,
         .bin = REEL_BIN_DIR,
         .models = models,
         .more = "[scheduler]\ndrain_target = \"1s\"\nscale_down_after = \"2s\"\n[workers]\nkeep_warm = \"1s\"\n",
         .slots = 3,
         .slots_min = 1}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    eventually("an idle worker is kept warm", [&] { return !shows(api, "reel_warm_runs_total 0"); });
    CHECK(cluster.worker_pids().size() == 1);
    std::vector<std::string> ids;
    for (int i = 0; i < 60; ++i) ids.push_back(submit(api, 40));
    eventually("three are wanted", [&] { return shows(api, "reel_wanted_slots 3"); });
    eventually("three are there", [&] { return shows(api, "reel_workers_ready 3"); });
    CHECK(cluster.worker_pids().size() == 3);
    for (const auto& id : ids) eventually("a job ends", [&] { return has_ended(api, id); });
    eventually("one is wanted", [&] { return shows(api, "reel_wanted_slots 1"); });
    eventually("one is there", [&] { return shows(api, "reel_workers_ready 1"); });
    eventually("the others are gone", [&] { return cluster.worker_pids().size() == 1; });
    CHECK(shows(api, "reel_wanted_workers{model=\"wan-golden\"} 0"));
    ids.push_back(submit(api, 2)); // and the one that is left works
    eventually("a late job ends", [&] { return has_ended(api, ids.back()); });
    for (const auto& id : ids) {
      auto ended = video(api, id);
      CHECK(ended.at("status").as_string() == "completed");
      CHECK(ended.at("reel").at("attempt").to_number<int>() == 1);
    }
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}

TEST_CASE("a node that is taken away is gone within 30 s, and another goes on from the step that was saved") {
  auto by_operator = GENERATE(false, true);
  auto dir = folder("evict");
  {
    step_pace pace{dir};
    harness::local_cluster cluster{pace.cluster(1, 2)};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    CHECK(cluster.stop("workers-2") == 0);
    auto id = submit(api, 1000), behind = submit(api, 1000);
    eventually("it is under way", [&] { return step_of(api, id) >= 10; });
    cluster.start("workers-2");
    eventually("both are ready", [&] { return shows(api, "reel_workers_ready 2"); });
    auto began = std::chrono::steady_clock::now();
    auto before = step_of(api, id);
    if (by_operator) cluster.reelctl({"evict", "workers-1", "--yes"});
    CHECK((by_operator ? cluster.wait("workers-1") : cluster.stop("workers-1", SIGUSR1)) == 0);
    CHECK(std::chrono::steady_clock::now() - began < 30s);
    int looks = 0;
    eventually("it ends", [&] {
      auto step = step_of(api, id);
      if (step > 0 && !has_ended(api, id)) { // 0: it waits
        CHECK(step >= before);
        if (++looks == 10) pace.quick();
      }
      return has_ended(api, id) && has_ended(api, behind);
    });
    CHECK(looks > 0);
    for (const auto& job : {id, behind}) {
      auto ended = video(api, job);
      CHECK(ended.at("status").as_string() == "completed");
      CHECK(ended.at("reel").at("attempt").to_number<int>() == 1);
    }
    CHECK(cluster.stop("workers-2") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.retried > 0);
  std::filesystem::remove_all(dir);
}
