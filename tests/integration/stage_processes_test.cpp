// stage_processes_test.cpp: A job handed over between two worker processes, each of which holds one of the model's two
// experts, ends as the video that one worker makes of it. Method: a real cluster with the small Wan model, whose
// experts take turns; told to hand over always, because for so small a model it never pays.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "src/harness/local_cluster.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"

using namespace reel;
using namespace reel::testing;
namespace json = boost::json;

namespace {

bool shows(ctl::api_client& api, const std::string& metric) {
  return api.get_text("/metrics").find('\n' + metric + '\n') != std::string::npos;
}

std::string submit(ctl::api_client& api, int seed) {
  return testing::submit(api, json::object{{"prompt", "a red ball"}, {"seed", seed}});
}

std::string thumbnail(ctl::api_client& api, const std::string& id) {
  return api.get_text("/v1/videos/" + id + "/content?variant=thumbnail");
}

} // namespace

TEST_CASE("a job handed over between two worker processes is the video that one of them makes") {
  auto dir = folder("stages");
  {
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = wan_model(1, 9, 8, 8) + "experts = \"one\"\n",
                                    .more = "[scheduler]\npipeline = \"always\"\n",
                                    .slots = 2}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    eventually("both workers are ready", [&] { return shows(api, "reel_workers_ready 2"); });
    auto whole = submit(api, 1), other = submit(api, 2); // nothing is known of the experts: one on each worker
    for (const auto& id : {whole, other}) wait_until_completed(api, id);
    eventually("four experts were brought", [&] { return shows(api, "reel_expert_loads_total 4"); });
    CHECK(shows(api, "reel_jobs_handed_over_total 0"));

    auto handed_over = submit(api, 1);
    auto ended = wait_until_completed(api, handed_over);
    CHECK(ended.at("reel").at("attempt").to_number<int>() == 1);
    eventually("it was handed over", [&] { return shows(api, "reel_jobs_handed_over_total 1"); });
    // One for its first steps. The other worker has held that of its last ones since the beginning.
    eventually("its end is counted", [&] { return shows(api, "reel_expert_loads_total 5"); });
    CHECK(thumbnail(api, handed_over) == thumbnail(api, whole));
    CHECK_FALSE(thumbnail(api, handed_over) == thumbnail(api, other));
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
  }
  auto r = audit::check_ledger(dir + "/ledger.sqlite");
  CHECK(r.violations == std::vector<std::string>{});
  CHECK(r.succeeded == 3);
  CHECK(r.retried == 1); // the execution that was handed over
  std::filesystem::remove_all(dir);
}
