// webhook_test.cpp: Webhooks over real processes and sockets: retried with the same bytes until they are taken, also
// over a killed control node; redirects are not followed; addresses that are not allowed are refused.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <sodium.h>

#include "actors/delivery/webhook_secret.hpp"
#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/ledger_audit.hpp"
#include "tests/support/webhook_receiver.hpp"

using namespace reel;
using namespace reel::testing;
using Catch::Matchers::ContainsSubstring;
namespace json = boost::json;

namespace {

std::vector<received> of(const webhook_receiver& r, const std::string& job) {
  std::vector<received> all;
  for (const auto& one : r.all())
    if (one.id() == job + "/1") all.push_back(one);
  return all;
}

/// Files of logs that say something.
std::vector<std::string> logs_with(const std::string& dir, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator{dir + "/log"}) {
    std::ifstream in{entry.path()};
    const std::string all{std::istreambuf_iterator<char>{in}, {}};
    if (all.find(text) != std::string::npos) found.push_back(entry.path());
  }
  return found;
}

std::string refusal(ctl::api_client& api, const std::string& url) {
  try {
    submit(api, {{"prompt", "p"}, {"webhook_url", url}});
  } catch (const ctl::api_error& e) {
    return e.what();
  }
  return "none";
}

} // namespace

TEST_CASE("webhooks are delivered with the same bytes until taken, whatever the receiver and the cluster do") {
  const auto dir = folder("webhooks");
  std::atomic<bool> hold{false}, held{false};
  std::atomic<int> failures{2};
  webhook_receiver receiver{[&](const received& r) -> std::string {
    if (r.path == "/redirect") return failures-- > 0 ? "307\r\nLocation: /elsewhere" : "200";
    if (r.path == "/fails") return failures-- > 0 ? "500" : "200";
    if (!r.path.starts_with("/crash") || !hold) return "204";
    held = true;
    while (hold) std::this_thread::yield();
    return "200"; // to nobody: the node is gone
  }};
  {
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = harness::null_model(100, 4),
                                    .more = "[webhooks]\nallow_networks = [\"127.0.0.0/8\"]\nretry_first = \"50ms\"\n",
                                    .tenant_options = {"--webhook-secret", dir + "/test.whsec"}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    api.set_patience(120);
    const auto secret_file = dir + "/test.whsec";
    const auto key = load_webhook_secret(secret_file);
    auto sent = [&](const std::string& path) {
      return submit(api, {{"prompt", "p"}, {"webhook_url", receiver.url(path)}});
    };

    const auto failing = sent("/fails");
    eventually("the third try", [&] { return of(receiver, failing).size() == 3; });
    for (const auto& one : of(receiver, failing)) {
      CHECK(one.body == of(receiver, failing)[0].body);
      CHECK(one.headers.at("webhook-signature") ==
            webhook_signature(key, one.id(), std::stoll(one.headers.at("webhook-timestamp")), one.body));
    }
    const auto event = json::parse(of(receiver, failing)[0].body);
    CHECK(event.at("type") == "video.completed");
    CHECK(event.at("data").at("id").as_string() == failing);

    failures = 2;
    const auto redirected = sent("/redirect");
    eventually("the third try", [&] { return of(receiver, redirected).size() == 3; });
    for (const auto& one : receiver.all()) CHECK(one.path != "/elsewhere");

    hold = true;
    const auto crashing = sent("/crash?token=canary-4711");
    eventually("the post", [&] { return held.load(); });
    cluster.kill("control");
    hold = false;
    cluster.start("control");
    cluster.wait_until_ready();
    eventually("the post again", [&] { return of(receiver, crashing).size() == 2; });
    CHECK(of(receiver, crashing)[0].body == of(receiver, crashing)[1].body);

    CHECK_THAT(refusal(api, "http://169.254.169.254/latest/meta-data"), ContainsSubstring("HTTP 422"));
    CHECK_THAT(refusal(api, "http://[::1]/"), ContainsSubstring("a public address"));
    CHECK_THAT(refusal(api, "file:///etc/passwd"), ContainsSubstring("http or https"));
    CHECK(cluster.stop("workers-1") == 0);
    CHECK(cluster.stop("control") == 0);
    std::string secret;
    std::ifstream{secret_file} >> secret;
    REQUIRE(secret.size() > 20);
    for (const auto& hidden : {secret, key, std::string{"canary-4711"}}) CHECK(logs_with(dir, hidden).empty());
    CHECK_FALSE(logs_with(dir, "control").empty());
    CHECK(of(receiver, failing).size() == 3); // what was taken is never sent again
    CHECK(of(receiver, crashing).size() == 2);
  }
  CHECK(audit::check_ledger(dir + "/ledger.sqlite").violations == std::vector<std::string>{});
  std::filesystem::remove_all(dir);
}
