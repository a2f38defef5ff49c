// dead_letters_test.cpp: A job that failed is found, looked into and redriven with reelctl, over real processes with
// the control node killed in between: it runs again in a new generation and commits there.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
namespace json = boost::json;

namespace {

std::string refusal(harness::local_cluster& cluster, std::vector<std::string> arguments) {
  try {
    cluster.reelctl(std::move(arguments));
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a failed job is listed, inspected and redriven, and succeeds in its second generation") {
  const auto dir = folder("dead");
  {
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = wan_model(1, 17, 1000, 1000),
                                    .more = "[scheduler]\nretries_max = 0\n",
                                    .slots = 1,
                                    .tenant_options = {"--allow", "urgent"}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120);
    auto reelctl = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), "--json");
      return json::parse(cluster.reelctl(std::move(arguments)));
    };
    CHECK(reelctl({"dead"}).at("data").as_array().empty());
    const auto id = submit(api, {{"prompt", "a cat"}});
    eventually("the job runs", [&] { return step_of(api, id) > 0; });
    for (int pid : cluster.worker_pids()) ::kill(pid, SIGKILL);
    CHECK(wait_for_end(api, id).at("status").as_string() == "failed");

    const auto list = reelctl({"dead", "--tenant", "test"}).at("data").as_array();
    REQUIRE(list.size() == 1);
    CHECK(list[0].at("id").as_string() == id);
    CHECK(list[0].at("attempts_used") == 1);
    const auto cause = std::string{list[0].at("cause").as_string()};
    CHECK(reelctl({"dead", "--tenant", "nobody"}).at("data").as_array().empty());
    auto inspected = reelctl({"dead", id});
    const auto& events = inspected.at("events").as_array();
    REQUIRE(events.size() == 3);
    CHECK(events[1].at("worker").as_string() == "workers-1/0");
    CHECK(events[2].at("kind").as_string() == "ended");
    CHECK(contains(cluster.reelctl({"dead", id}), "granted to workers-1/0"));

    CHECK(contains(refusal(cluster, {"redrive", "--all", "--cause", "bad_luck", "--why", "x"}), "allowed are"));
    CHECK(contains(refusal(cluster, {"redrive", "--why", "x"}), "give ids of jobs, or --all"));
    cluster.reelctl({"pause", "test"}); // so that it still waits when the node is killed
    const auto redriven = reelctl({"redrive", "--all", "--cause", cause, "--why", "the worker was killed by hand"});
    CHECK(redriven.at("redriven").as_array().size() == 1);
    CHECK(redriven.at("refused").as_array().empty());
    CHECK(contains(refusal(cluster, {"redrive", id, "--why", "again"}), "it is queued: only failed"));
    cluster.kill("control");
    cluster.start("control");
    cluster.wait_until_ready();
    CHECK(status_of(api, id) == "queued");
    cluster.reelctl({"resume", "test"});
    wait_until_completed(api, id);

    inspected = reelctl({"dead", id});
    CHECK(inspected.at("generation") == 2);
    const auto& redrive = inspected.at("events").at(3);
    CHECK(redrive.at("kind").as_string() == "redriven");
    CHECK(redrive.at("reason").as_string() == "the worker was killed by hand");
    CHECK(redrive.at("generation") == 2);
    CHECK(reelctl({"dead"}).at("data").as_array().empty());
    bool second = false;
    for (const auto& file : std::filesystem::recursive_directory_iterator{dir + "/objects"})
      second |= file.is_regular_file() && contains(file.path().string(), "~g2~f2-");
    CHECK(second);
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}
