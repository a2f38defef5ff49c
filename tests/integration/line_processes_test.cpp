// line_processes_test.cpp: The promise, over real processes: jobs go in by HTTP while a worker and then the
// whole control node are killed with SIGKILL; every accepted job ends once, with its own content. Method: the
// content of a job is its thumbnail (no job id in it), compared with that of a calm run of the same prompt
// and seed.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <thread>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

/// Batches of four.
const std::string models = wan_model(4, 9, 6, 20);

constexpr int distinct = 10; ///< prompts; every fifth job shares one

json::object request(int number) {
  auto which = number % distinct;
  return {{"prompt", fmt::format("prompt number {}", which)},
          {"seed", 1000 + which},
          {"size", which % 2 ? "48x32" : "32x48"}};
}

std::string submit(ctl::api_client& api, int number) {
  return testing::submit(api, request(number), fmt::format("job-{}", number));
}

std::string thumbnail(ctl::api_client& api, const std::string& id) {
  return api.get_text("/v1/videos/" + id + "/content?variant=thumbnail");
}

} // namespace

TEST_CASE("fifty jobs survive a killed worker and a killed control node, each once, each with its own content") {
  auto dir = folder("line");
  {
    harness::local_cluster cluster{{.dir = dir, .bin = REEL_BIN_DIR, .models = models, .more = {}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120);

    std::vector<std::string> calm;
    for (int i = 0; i < distinct; ++i) {
      auto id = submit(api, 1'000 + i);
      REQUIRE(wait_for_end(api, id).at("status").as_string() == "completed");
      calm.push_back(thumbnail(api, id));
    }
    REQUIRE(std::set<std::string>(calm.begin(), calm.end()).size() == distinct);

    std::vector<std::string> ids;
    for (int i = 0; i < 50; ++i) {
      if (i == 15) REQUIRE(::kill(cluster.worker_pids().at(0), SIGKILL) == 0);
      if (i == 30) {
        cluster.kill("control");
        cluster.start("control");
      }
      ids.push_back(submit(api, i));
    }
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 50);
    CHECK(submit(api, 7) == ids[7]); // the idempotency key survived as well

    for (int i = 0; i < 50; ++i) {
      INFO("job " << i << " " << ids[static_cast<std::size_t>(i)]);
      auto video = wait_for_end(api, ids[static_cast<std::size_t>(i)]);
      CHECK(video.at("status").as_string() == "completed");
      CHECK(thumbnail(api, ids[static_cast<std::size_t>(i)]) == calm[static_cast<std::size_t>(i % distinct)]);
      auto mp4 = api.get_text("/v1/videos/" + ids[static_cast<std::size_t>(i)] + "/content");
      CHECK(mp4.substr(4, 4) == "ftyp");
    }
    CHECK(cluster.stop("control") == 0);
    CHECK(cluster.stop("workers-1") == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.jobs == 60);
  CHECK(r.succeeded == 60);
  std::filesystem::remove_all(dir);
}

TEST_CASE("cancel, delete and another tenant's id, over the whole line") {
  auto dir = folder("cancel");
  harness::local_cluster cluster{{.dir = dir, .bin = REEL_BIN_DIR, .models = models, .more = {}}};
  ctl::api_client api{{cluster.url(), cluster.api_key()}};
  auto body = request(0);
  body["num_inference_steps"] = 20;
  body["num_frames"] = 17;
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(submit(api, body));
  auto last = api.post("/v1/videos/" + ids.back() + "/cancel", nullptr);
  CHECK(wait_for_end(api, ids.back()).at("error").at("code").as_string() == "cancelled");
  auto deleted = api.remove("/v1/videos/" + ids[10]);
  CHECK(deleted.at("deleted").as_bool());
  try {
    api.get("/v1/videos/" + ids[10]);
    FAIL("a deleted job is still shown");
  } catch (const ctl::api_error& e) {
    CHECK(e.status() == 404);
  }
  for (std::size_t i = 0; i < 10; ++i) CHECK(wait_for_end(api, ids[i]).at("status").as_string() == "completed");
  CHECK(cluster.stop("workers-1") == 0);
  CHECK(cluster.stop("control") == 0);
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}

TEST_CASE("a node told to stop finishes what it runs, and the jobs left over run after its return") {
  auto dir = folder("drain");
  harness::local_cluster cluster{{.dir = dir, .bin = REEL_BIN_DIR, .models = models, .more = {}}};
  ctl::api_client api{{cluster.url(), cluster.api_key()}};
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(submit(api, i));
  CHECK(cluster.stop("workers-1") == 0);
  cluster.start("workers-1");
  for (const auto& id : ids) {
    auto video = wait_for_end(api, id);
    CHECK(video.at("status").as_string() == "completed");
    CHECK(video.at("reel").at("attempt").to_number<int>() == 1); // draining is nobody's fault
  }
  std::filesystem::remove_all(dir);
}

TEST_CASE("a control node told to stop in the middle of a batch ends, and the batch is not lost") {
  auto dir = folder("stop-control");
  {
    harness::local_cluster cluster{{.dir = dir, .bin = REEL_BIN_DIR, .models = models, .more = {}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120);
    auto body = request(0);
    body["num_inference_steps"] = 20;
    body["num_frames"] = 17;
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i) ids.push_back(submit(api, body));
    eventually("one is under way", [&] { return status_of(api, ids[0]) != "queued"; });
    CHECK(cluster.stop("control") == 0);
    cluster.start("control");
    for (const auto& id : ids) {
      auto video = wait_for_end(api, id);
      CHECK(video.at("status").as_string() == "completed");
      CHECK(video.at("reel").at("attempt").to_number<int>() == 1);
    }
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}

TEST_CASE("an urgent job pauses a running one, which goes on afterwards to the same video") {
  auto dir = folder("urgent");
  {
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = models,
                                    .more = "[scheduler]\npreempt_patience = \"0ms\"",
                                    .slots = 1,
                                    .tenant_options = {"--allow", "urgent"}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    auto slow = request(0), urgent = request(1);
    slow["num_inference_steps"] = 20;
    slow["num_frames"] = 17;
    slow["size"] = "128x128";
    urgent["class"] = "urgent";
    auto calm = submit(api, slow);
    REQUIRE(wait_for_end(api, calm).at("status").as_string() == "completed");

    auto stopped = submit(api, slow);
    eventually("it is under way", [&] { return step_of(api, stopped) >= 2; });
    auto first = submit(api, urgent);
    auto ended = wait_for_end(api, first);
    CHECK(ended.at("status").as_string() == "completed");
    CHECK(status_of(api, stopped) != "completed");
    CHECK(step_of(api, stopped) >= 2); // kept
    auto last = wait_for_end(api, stopped);
    CHECK(last.at("status").as_string() == "completed");
    CHECK(last.at("reel").at("attempt").to_number<int>() == 1);
    CHECK(thumbnail(api, stopped) == thumbnail(api, calm));
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}
