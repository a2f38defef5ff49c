// queue_commands_test.cpp: Operators' commands over real processes, given with reelctl: what is paused stays paused and
// a job keeps its new class while the control node is killed and started again; a preview becomes its final.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <thread>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

struct setting {
  setting()
      : dir{fmt::format("/tmp/reel-commands-{}", ::getpid())}, cluster{{.dir = dir,
                                                                        .bin = REEL_BIN_DIR,
                                                                        .models = harness::null_model(1000, 1),
                                                                        .more = {},
                                                                        .slots = 1,
                                                                        .tenant_options = {"--allow", "urgent"}}},
        api{{cluster.url(), cluster.api_key()}} {
    api.set_patience(120);
  }

  /// What reelctl prints; it repeats by itself what a starting node refuses.
  json::value reelctl(const std::string& arguments) const {
    auto command = fmt::format("REEL_API_KEY={} {}/reelctl --json --url {} --config {} {}", cluster.api_key(),
                               REEL_BIN_DIR, cluster.url(), cluster.config(), arguments);
    auto* pipe = ::popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    while (auto got = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, got);
    INFO(arguments << ": " << text);
    REQUIRE(::pclose(pipe) == 0);
    return json::parse(text);
  }

  std::string submit(json::object body) { return std::string{api.post("/v1/videos", body).at("id").as_string()}; }
  json::value job(const std::string& id) { return api.get("/v1/videos/" + id); }

  json::value wait_for_end(const std::string& id) {
    for (auto give_up_at = std::chrono::steady_clock::now() + 300s; std::chrono::steady_clock::now() < give_up_at;) {
      auto video = job(id);
      if (video.at("status").as_string() == "completed") return video;
      std::this_thread::sleep_for(20ms);
    }
    FAIL("job " << id << " did not complete in five minutes");
    return {};
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
  s.reelctl("pause");
  auto first = s.submit({{"prompt", "first"}, {"quality", "preview"}}), last = s.submit({{"prompt", "last"}});
  auto moved = s.reelctl("reprioritise " + last + " urgent");
  CHECK(moved.at("class_before").as_string() == "standard");
  s.restart_control();

  auto queue = s.reelctl("queue");
  CHECK(queue.at("pauses").at(0).at("tenant").is_null());
  CHECK(queue.at("pauses").at(0).at("by").as_string() == "test");
  CHECK(queue.at("waiting").at("urgent").to_number<int>() == 1);
  CHECK(queue.at("waiting").at("standard").to_number<int>() == 1);
  CHECK(s.reelctl("workers").at("pauses").as_array().size() == 1);
  CHECK(s.reelctl("why " + first).at("why").as_string() == "queue_paused");
  CHECK(s.job(last).at("reel").at("class").as_string() == "urgent");
  CHECK(s.job(first).at("status").as_string() == "queued");

  CHECK(s.reelctl("resume").at("data").as_array().empty());
  s.wait_for_end(last);
  auto preview = s.wait_for_end(first);
  auto final_id = std::string{s.reelctl("final " + first).at("id").as_string()};
  auto full = s.wait_for_end(final_id);
  CHECK(full.at("reel").at("final_of").as_string() == first);
  CHECK(full.at("reel").at("seed") == preview.at("reel").at("seed"));
  CHECK(s.reelctl("final " + first).at("id").as_string() == final_id);

  CHECK(s.cluster.stop("workers-1") == 0);
  CHECK(s.cluster.stop("control") == 0);
  CHECK(audit::check_ledger(s.dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(s.dir);
}
