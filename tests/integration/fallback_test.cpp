// fallback_test.cpp: A model that always fails, over real processes: its breaker opens, the fallback serves who allows
// it, the others wait and say why; when the model is well again the breaker closes and they finish.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

/// "heavy" fails while the file "broken" is in the cluster's folder.
const std::string models = "[[model]]\nid = \"heavy\"\nkind = \"null\"\nfallback = \"light\"\nfail_file = \"broken\"\n"
                           "batch_max = 1\nsize = \"64x64\"\nframes = 17\nsteps = 8\n"
                           "[[model]]\nid = \"light\"\nkind = \"null\"\nbatch_max = 1\nsize = \"64x64\"\nframes = 17\n"
                           "steps = 2\nsteps_max = 2\n";

struct setting {
  setting()
      : dir{folder("fallback")}, broken{dir + "/broken"},
        cluster{{.dir = dir,
                 .bin = REEL_BIN_DIR,
                 .models = models,
                 .more = "[scheduler]\nbreaker_open = \"1s\"\ndegrade_after = \"0s\"\nbackoff_first = \"200ms\"\n"
                         "backoff_most = \"400ms\"\n",
                 .tenant_options = {"--allow", "urgent"}}},
        api{{cluster.url(), cluster.api_key()}} {
    api.set_patience(120);
  }

  json::value reelctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return json::parse(cluster.reelctl(std::move(arguments)));
  }
  std::string state_of(const std::string& model) {
    const auto shown = reelctl({"breakers"});
    for (const auto& b : shown.at("breakers").as_array())
      if (b.at("model").as_string() == model) return std::string{b.at("state").as_string()};
    return "none";
  }

  std::string dir, broken;
  harness::local_cluster cluster;
  ctl::api_client api;
};

std::vector<std::string> submit_some(ctl::api_client& api, int count, bool allow_degraded) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i)
    ids.push_back(submit(api, {{"prompt", fmt::format("number {}", i)}, {"allow_degraded", allow_degraded}}));
  return ids;
}

} // namespace

TEST_CASE("a model that always fails is shut off, its fallback stands in where that is allowed, and it comes back") {
  setting s;
  {
    std::ofstream{s.broken} << "yes";
    auto keep = submit_some(s.api, 4, false), allow = submit_some(s.api, 6, true);
    for (const auto& id : allow) {
      auto reel = wait_until_completed(s.api, id).at("reel");
      CHECK(reel.at("degraded").as_bool());
      CHECK(reel.at("served_model").as_string() == "light");
      CHECK(reel.at("degrade_reason").as_string() == "breaker");
      CHECK(reel.at("attempt").to_number<int>() <= 6);
    }
    auto waits_for_breaker = [&](const std::string& id) {
      return s.reelctl({"why", id}).at("why").as_string() == "breaker";
    };
    for (const auto& id : keep) {
      eventually("it waits for the breaker", [&] { return waits_for_breaker(id); });
      CHECK(status_of(s.api, id) == "queued");
    }
    CHECK(s.state_of("heavy") != "closed");
    CHECK(s.state_of("light") == "closed");
    CHECK(s.api.get_text("/metrics").find("reel_jobs_degraded_total{reason=\"breaker\"} 6") != std::string::npos);

    std::filesystem::remove(s.broken);
    for (const auto& id : keep) {
      auto reel = wait_until_completed(s.api, id).at("reel");
      CHECK_FALSE(reel.at("degraded").as_bool());
      CHECK(reel.at("served_model").as_string() == "heavy");
      CHECK(reel.at("attempt").to_number<int>() <= 4);
    }
    CHECK(s.state_of("heavy") == "closed");
    CHECK(s.cluster.stop("workers-1") == 0);
    CHECK(s.cluster.stop("control") == 0);
  }
  CHECK(audit::check_ledger(s.dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(s.dir);
}

TEST_CASE("an operator's order to a circuit breaker survives a killed control node") {
  setting s;
  auto forced = s.reelctl({"breaker", "heavy", "open"});
  CHECK(forced.at("data").at(0).at("state").as_string() == "forced_open");
  CHECK(forced.at("data").at(0).at("by").as_string() == "test");
  auto id = submit_some(s.api, 1, false).at(0);
  eventually("it waits for the breaker", [&] {
    auto why = s.reelctl({"why", id});
    return why.at("why").as_string() == "breaker" && why.at("breaker").as_string() == "forced_open";
  });
  s.cluster.kill("control");
  s.cluster.start("control");
  s.cluster.wait_until_ready();
  eventually("it still does", [&] { return s.reelctl({"why", id}).at("why").as_string() == "breaker"; });
  CHECK(status_of(s.api, id) == "queued");
  s.reelctl({"breaker", "heavy", "reset"});
  wait_until_completed(s.api, id);
  CHECK(s.cluster.stop("workers-1") == 0);
  CHECK(s.cluster.stop("control") == 0);
  std::filesystem::remove_all(s.dir);
}
