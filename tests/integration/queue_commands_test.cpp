// queue_commands_test.cpp: Operators' commands over real processes, given with reelctl: what is paused stays paused and
// a job keeps its new class while the control node is killed and started again; a preview becomes its final.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

struct setting {
  setting()
      : dir{folder("commands")}, cluster{{.dir = dir,
                                          .bin = REEL_BIN_DIR,
                                          .models = harness::null_model(1000, 1),
                                          .more = {},
                                          .slots = 1,
                                          .tenant_options = {"--allow", "urgent"}}},
        api{{cluster.url(), cluster.api_key()}} {
    api.set_patience(120);
  }

  json::value reelctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return json::parse(cluster.reelctl(std::move(arguments)));
  }

  void restart_control() {
    cluster.kill("control");
    cluster.start("control");
    cluster.wait_until_ready();
  }

  std::string dir;
  harness::local_cluster cluster;
  ctl::api_client api;
};

} // namespace

TEST_CASE("pauses and a new class survive a killed control node, and a preview becomes its final") {
  setting s;
  s.reelctl({"pause"});
  auto first = submit(s.api, {{"prompt", "first"}, {"quality", "preview"}}), last = submit(s.api, {{"prompt", "last"}});
  auto moved = s.reelctl({"reprioritise", last, "urgent"});
  CHECK(moved.at("class_before").as_string() == "standard");
  s.restart_control();

  auto queue = s.reelctl({"queue"});
  CHECK(queue.at("pauses").at(0).at("tenant").is_null());
  CHECK(queue.at("pauses").at(0).at("by").as_string() == "test");
  CHECK(queue.at("waiting").at("urgent").to_number<int>() == 1);
  CHECK(queue.at("waiting").at("standard").to_number<int>() == 1);
  CHECK(s.reelctl({"workers"}).at("pauses").as_array().size() == 1);
  CHECK(s.reelctl({"why", first}).at("why").as_string() == "queue_paused");
  CHECK(video(s.api, last).at("reel").at("class").as_string() == "urgent");
  CHECK(video(s.api, first).at("status").as_string() == "queued");

  CHECK(s.reelctl({"resume"}).at("data").as_array().empty());
  wait_until_completed(s.api, last);
  auto preview = wait_until_completed(s.api, first);
  auto final_id = std::string{s.reelctl({"final", first}).at("id").as_string()};
  auto full = wait_until_completed(s.api, final_id);
  CHECK(full.at("reel").at("final_of").as_string() == first);
  CHECK(full.at("reel").at("seed") == preview.at("reel").at("seed"));
  CHECK(s.reelctl({"final", first}).at("id").as_string() == final_id);

  CHECK(s.cluster.stop("workers-1") == 0);
  CHECK(s.cluster.stop("control") == 0);
  CHECK(audit::check_ledger(s.dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(s.dir);
}
