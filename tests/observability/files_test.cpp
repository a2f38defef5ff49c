// files_test.cpp: What is in cluster-configs/observability is accepted by the programs that read it, every alert is
// tested, and no figure is named there that no node shows.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <regex>
#include <set>

#include "tests/observability/tools.hpp"
#include "tests/support/command.hpp"

using namespace reel::testing;
namespace fs = std::filesystem;

namespace {

const fs::path source{REEL_SOURCE_DIR};
const fs::path folder = source / "cluster-configs/observability";

std::set<std::string> found(const std::string& text, const std::string& pattern) {
  const std::regex what{pattern};
  std::set<std::string> all;
  for (std::sregex_iterator at{text.begin(), text.end(), what}, end; at != end; ++at) all.insert((*at)[1]);
  return all;
}

/// The names of all figures that the product's sources give, and which of them are histograms.
std::string sources_with_figures() {
  std::string text;
  for (const auto* part : {"actors", "src/reel-node"})
    for (const auto& entry : fs::recursive_directory_iterator{source / part})
      if (entry.path().extension() == ".cpp") text += text_of(entry.path());
  return text;
}

/// Without what Prometheus adds to a histogram's name.
std::string family_of(const std::string& name) {
  return std::regex_replace(name, std::regex{"_(bucket|sum|count)$"}, "");
}

} // namespace

TEST_CASE("promtool accepts the rules, their tests pass, and Prometheus' configuration is good") {
  const auto promtool = find_tool("promtool");
  if (promtool.empty()) SKIP(no_prometheus);
  for (auto command :
       {"check rules reelworks.rules.yml", "test rules reelworks.test.yml", "check config prometheus.yml"}) {
    const auto how = run("cd " + folder.string() + " && " + promtool + ' ' + command + " 2>&1");
    INFO(command << ":\n" << how.text);
    CHECK(how.code == 0);
  }
}

TEST_CASE("every alert has a test, an action and a severity") {
  const auto rules = text_of(folder / "reelworks.rules.yml"), tests = text_of(folder / "reelworks.test.yml");
  const auto alerts = found(rules, R"(- alert: (\w+))");
  REQUIRE(alerts.size() > 20);
  CHECK(alerts == found(tests, R"(alertname: (\w+))"));
  for (auto field : {"action:", "severity: ", "summary:"}) {
    std::size_t count = 0;
    for (auto at = rules.find(field); at != std::string::npos; at = rules.find(field, at + 1)) ++count;
    INFO(field);
    CHECK(count >= alerts.size());
  }
}

TEST_CASE("rules and dashboard name only figures that nodes show") {
  const auto shown = found(sources_with_figures(), R"re("((?:reel|process)_[a-z_]+)")re");
  REQUIRE(shown.size() > 60);
  const auto rules = text_of(folder / "reelworks.rules.yml"), dashboard = text_of(folder / "grafana-dashboard.json");
  const auto recorded = found(rules, R"(record: (reel:[\w:]+))");
  for (const auto& name : found(rules + dashboard, R"(\b((?:reel|process)_[a-z_]+)\b)")) {
    INFO(name);
    CHECK((shown.contains(name) || shown.contains(family_of(name))));
  }
  for (const auto& name : found(rules + dashboard, R"(\b(reel:[\w:]+))")) {
    INFO(name);
    CHECK(recorded.contains(name));
  }
}

TEST_CASE("the dashboard is JSON, its panels have numbers of their own and do not overlap") {
  const auto dashboard = boost::json::parse(text_of(folder / "grafana-dashboard.json"));
  std::set<std::int64_t> ids;
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (const auto& panel : dashboard.at("panels").as_array()) {
    CHECK(ids.insert(panel.at("id").as_int64()).second);
    const auto& at = panel.at("gridPos");
    for (auto x = at.at("x").as_int64(); x < at.at("x").as_int64() + at.at("w").as_int64(); ++x)
      CHECK(places.emplace(x, at.at("y").as_int64()).second);
    for (const auto& target :
         panel.as_object().contains("targets") ? panel.at("targets").as_array() : boost::json::array{})
      CHECK_FALSE(target.at("expr").as_string().empty());
  }
  CHECK(ids.size() > 30);
}

TEST_CASE("systemd accepts the units") {
  if (find_tool("systemd-analyze").empty()) SKIP("systemd-analyze is not here");
  const fs::path copies = fs::temp_directory_path() / ("reel-units-" + std::to_string(::getpid()));
  fs::create_directories(copies);
  std::ofstream{copies / "reel-node@gpu-1.service"} // where the program is not installed, another one stands in
      << std::regex_replace(text_of(folder / "reel-node@.service"), std::regex{"/usr/local/bin/reel-node"},
                            "/bin/true");
  fs::copy_file(folder / "reelworks.target", copies / "reelworks.target");
  const auto how = run("systemd-analyze verify " + (copies / "reel-node@gpu-1.service").string() + ' ' +
                       (copies / "reelworks.target").string() + " 2>&1");
  fs::remove_all(copies);
  INFO(how.text);
  CHECK(how.code == 0);
  CHECK(how.text.empty());
}

TEST_CASE("logrotate accepts its file") {
  const auto logrotate =
      fs::exists("/usr/sbin/logrotate") ? std::string{"/usr/sbin/logrotate"} : find_tool("logrotate");
  if (logrotate.empty()) SKIP("logrotate is not here");
  const auto copy = fs::temp_directory_path() / ("reel-logrotate-" + std::to_string(::getpid()));
  std::ofstream{copy} << std::regex_replace(text_of(folder / "logrotate.conf"), std::regex{"    su .*\n"}, "");
  const auto how = run(logrotate + " --debug --state /dev/null " + copy.string() + " 2>&1");
  fs::remove(copy);
  INFO(how.text);
  CHECK(how.code == 0);
  CHECK(how.text.find("error") == std::string::npos);
}
