// quota_test.cpp: Quotas over real processes: what a tenant may use of a day, in all and in a class, is used up once,
// whatever is killed, and never more of its jobs run at once than may.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>

#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
namespace json = boost::json;

namespace {

constexpr int per_day = 12;
const json::object body{{"prompt", "p"}};
const json::object free_body{{"prompt", "p"}, {"class", "free"}};

/// One in which it is about noon: the test does not run over midnight.
std::string zone_of_noon() {
  const auto now = std::chrono::system_clock::now();
  const auto hour = std::chrono::floor<std::chrono::hours>(now - std::chrono::floor<std::chrono::days>(now)).count();
  return fmt::format("{}{:02}:00", hour > 12 ? '-' : '+', hour > 12 ? hour - 12 : 12 - hour);
}

std::string refusal(ctl::api_client& api, const json::object& of = body) {
  try {
    submit(api, of);
  } catch (const ctl::api_error& e) {
    return e.what();
  }
  return "none";
}

} // namespace

TEST_CASE("a day's jobs are accepted once, run one at a time, and are used up after a restart too") {
  const auto dir = folder("quota");
  {
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = harness::null_model(0, 4),
                                    .more = {},
                                    .tenant_options = {"--jobs-per-day", std::to_string(per_day), "--running-jobs-max",
                                                       "1", "--class-limit", "free.jobs_per_day=1", "--class-limit",
                                                       "free.gpu_seconds_per_day=1e6", "--time-zone", zone_of_noon()}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120); // which a day that is used up does not call upon
    std::vector<std::string> ids{submit(api, free_body)};
    CHECK_THAT(refusal(api, free_body), ContainsSubstring("jobs_per_day") && ContainsSubstring("HTTP 429"));
    for (int i = 1; i < per_day; ++i) ids.push_back(submit(api, body));
    CHECK_THAT(refusal(api), ContainsSubstring("jobs_per_day") && ContainsSubstring("HTTP 429"));
    for (const auto& id : ids) wait_until_completed(api, id);

    cluster.kill("control");
    cluster.start("control");
    cluster.wait_until_ready();
    CHECK_THAT(refusal(api), ContainsSubstring("jobs_per_day"));
    const auto view = api.get("/v1/quota");
    CHECK(view.at("classes").at("free").at("jobs_per_day") == 1);
    CHECK(view.at("classes").at("free").at("gpu_seconds_per_day").to_number<double>() == 1e6);
    const auto all = view.at("all");
    CHECK(all.at("jobs") == per_day);
    CHECK(all.at("gpu_seconds_reserved").to_number<double>() == 0);
    CHECK(all.at("queued_jobs") == 0);
    CHECK_THAT(cluster.reelctl({"quota"}), ContainsSubstring(fmt::format("{0} of {0}", per_day)));
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  const auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == per_day);
  CHECK(r.running_most == 1);
  std::filesystem::remove_all(dir);
}
