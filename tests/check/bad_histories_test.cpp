// bad_histories_test.cpp: Hand-made histories with one defect each, at least one per invariant. Each has to be refused
// for exactly that invariant, and the first timeline has to be the lines that show it, in the order of time.
#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "src/reel-check/checker.hpp"
#include "src/reel-check/report.hpp"

using namespace reel::check;
namespace json = boost::json;

namespace {

const std::string folder = std::string{REEL_SOURCE_DIR} + "/tests/data/histories/";

struct bad_history {
  std::string name; ///< "i" and the number of the invariant come first
  std::vector<std::string> timeline;
};

const std::vector<bad_history> bad_histories{
    {"i01_disappeared", {"accept A 1", "submit ok A", "read invoke A", "read fail 404"}},
    {"i01_lost", {"accept B 1", "submit ok B", "grant B 2", "commit B 3"}},
    {"i01_never_ended", {"accept A 1", "submit ok A", "grant A 2", "release A 3", "drained"}},
    {"i02_object_differs", {"commit B 3", "object B"}},
    {"i02_two_commits", {"commit A 5", "commit A 6"}},
    {"i03_never_delivered", {"accept A 1", "commit A 5", "drained"}},
    {"i03_other_body", {"commit A 5", "deliver A", "deliver A"}},
    {"i03_two_ids", {"commit A 5", "deliver A", "deliver A"}},
    {"i04_delivered_unknown", {"deliver Z"}},
    {"i04_other_body", {"submit invoke", "accept B 1", "submit ok B"}},
    {"i04_refused_and_run", {"accept B 1", "submit fail 503"}},
    {"i05_fence_not_raised", {"grant A 2", "grant A 4"}},
    {"i05_left_its_end", {"commit B 3", "end B 4"}},
    {"i05_version_gap", {"grant A 4", "commit A 6"}},
    {"i06_old_fence", {"grant A 4", "commit A 5"}},
    {"i06_old_progress", {"grant A 4", "progress A"}},
    {"i07_cancelled_and_succeeded", {"accept A 1", "grant A 4", "cancel invoke A", "cancel ok", "commit A 5"}},
    {"i07_committed_after_request", {"cancel_request A 5", "commit A 6"}},
    {"i07_too_late_too_early", {"accept A 1", "grant A 4", "cancel invoke A", "cancel fail 409", "commit A 5"}},
    {"i08_old_leader", {"leader", "grant B 2"}},
    {"i08_two_holders", {"leader", "leader"}},
    {"i09_five_executions", {"accept A 1", "grant A 10", "commit A 11"}},
    {"i09_poison_runs_on", {"accept A 1", "grant A 8", "end A 9"}},
    {"i10_lease_too_short", {"grant A 2", "release A 3"}},
    {"i10_overlap", {"grant B 2", "grant B 3"}},
    {"i11_daily_quota", {"limits", "accept A 1"}},
    {"i11_double_charge", {"tenant"}},
    {"i11_two_at_once", {"limits", "grant A 2", "grant C 2"}},
    {"i12_inversion", {"accept B 1", "accept C 1", "grant C 2"}},
    {"i12_younger_first", {"accept B 1", "accept C 1", "grant C 2"}},
    {"i13_new_leader", {"accept B 1", "grant B 2"}},
    {"i13_no_trigger", {"accept A 1", "release A 3", "grant A 4"}},
    {"i13_not_allowed", {"accept B 1", "breaker", "grant B 2"}},
    {"i13_silently", {"accept B 1", "grant B 2"}},
    {"i14_breaker_open", {"heal", "breaker"}},
    {"i14_node_gone", {"heal", "member"}},
    {"i14_slow_drain", {"accept A 1", "heal", "grant A 4", "commit A 5"}},
    {"i15_foreign_folder", {"accept B 1", "commit B 3"}},
    {"i15_foreign_read", {"accept A 1", "read invoke A", "read ok 5"}},
    {"i15_marker", {"read invoke A", "read ok 5"}},
    {"i16_gone", {"commit B 3", "fetch ok", "fetch invoke B", "fetch fail 404"}},
    {"i16_two_answers", {"commit B 3", "fetch ok", "fetch invoke B", "fetch ok"}},
};

json::value check_file(const std::string& name, const bounds& limits = {}) {
  history log{file_inputs(folder + name + ".jsonl")};
  return json::parse(to_json(check(log, limits), log));
}

/// "read ok A 5": what was said, of which job, and its version or status.
std::string signature(std::string_view line) {
  const auto object = json::parse(json::string_view{line.data(), line.size()}).as_object();
  std::string all;
  for (const auto* key : {"op", "type", "job", "version", "status"})
    if (const auto* value = object.if_contains(key)) {
      auto text = value->is_string() ? std::string{value->as_string()} : std::to_string(value->as_int64());
      all += (all.empty() ? "" : " ") + text;
    }
  return all;
}

std::vector<std::string> first_timeline(const json::value& result) {
  std::vector<std::string> all;
  for (const auto& line : result.at("violations").at(0).at("timeline").as_array())
    all.push_back(signature(std::string_view{line.at("line").as_string()}));
  return all;
}

/// "i07_late" is I7.
std::string invariant_of(const std::string& name) { return "I" + std::to_string(std::stoi(name.substr(1, 2))); }

} // namespace

TEST_CASE("every bad history is refused for its one defect, and the timeline shows it") {
  bounds limits;
  limits.lease_min = 25s;
  for (const auto& bad : bad_histories) {
    INFO(bad.name);
    auto result = check_file("bad_" + bad.name, limits);
    CHECK(result.at("verdict").as_string() == "invalid");
    for (const auto& [name, tally] : result.at("invariants").as_object()) {
      INFO(std::string{name});
      CHECK((tally.at("violated").to_number<int>() > 0) == (std::string{name} == invariant_of(bad.name)));
    }
    CHECK(first_timeline(result) == bad.timeline);
  }
}

TEST_CASE("every invariant has a bad history, and every bad history is in the table") {
  std::set<std::string> invariants, names;
  for (const auto& bad : bad_histories) {
    invariants.insert(invariant_of(bad.name));
    names.insert("bad_" + bad.name + ".jsonl");
  }
  CHECK(invariants.size() == invariants_count);
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    auto name = entry.path().filename().string();
    if (name.starts_with("bad_")) CHECK(names.contains(name));
  }
}

TEST_CASE("a good history is valid, with unknown outcomes, repeats, cancels, a fallback, a redrive and a removal") {
  bounds limits;
  limits.unknown_submits_permille = 500;
  for (const auto* name : {"good_retry", "good_all_sorts"}) {
    INFO(name);
    auto result = check_file(name, limits);
    CHECK(result.at("violations").as_array().empty());
    CHECK(result.at("verdict").as_string() == "valid");
  }
}

TEST_CASE("bounds decide: what is too slow or too often for one is well for another") {
  bounds limits;
  limits.drain_grace = 10min;
  CHECK(check_file("bad_i14_slow_drain", limits).at("verdict").as_string() == "valid");
  limits = {};
  limits.priority_wait = 6500ms;
  CHECK(check_file("bad_i12_inversion", limits).at("verdict").as_string() == "valid");
  limits = {};
  limits.lease_min = 1510ms;
  CHECK(check_file("bad_i10_lease_too_short", limits).at("verdict").as_string() == "valid");
  limits.lease_min = 1511ms;
  CHECK(check_file("bad_i10_lease_too_short", limits).at("verdict").as_string() == "invalid");
  limits = {}; // F is degraded a tenth of a second after its breaker opened
  limits.unknown_submits_permille = 500;
  limits.degrade_after = 3s;
  CHECK(check_file("good_all_sorts", limits).at("violations").at(0).at("invariant").as_string() == "I13");
  limits.degrade_after = 2s;
  CHECK(check_file("good_all_sorts", limits).at("verdict").as_string() == "valid");
  limits = {};
  limits.executions_max = 5;
  CHECK(check_file("bad_i09_five_executions", limits).at("verdict").as_string() == "valid");
}

TEST_CASE("a poisoned prompt that also had the cluster's trouble may be executed once more for each") {
  std::ifstream in{folder + "bad_i09_poison_runs_on.jsonl"};
  std::ostringstream read;
  read << in.rdbuf();
  auto text = read.str();
  const std::string cause = "\"cause\":\"worker_lost\"";
  REQUIRE(text.find(cause) != text.npos);
  text.replace(text.find(cause), cause.size(), "\"cause\":\"stalled\"");
  history log{text_inputs("poison", text)};
  CHECK(check(log, {}).found.violated_of(invariant::i9) == 0);
}

TEST_CASE("a job that made room for others as often as they came was not granted too often") {
  auto violations_with = [](const std::string& cause) {
    std::string text = R"({"op":"history","format":1,"observer":"ledger","clock":"a"})"
                       "\n"
                       R"({"op":"leader","mono_ns":1,"position":1,"term":1,"node":"n"})"
                       "\n"
                       R"({"op":"accept","mono_ns":2,"position":2,"job":"A","version":1,"tenant":"t","idem_key":"k",)"
                       R"("payload_sha":"p","class":"free","model":"m"})"
                       "\n";
    for (int n = 1; n <= 25; ++n) {
      const auto at = std::to_string(2 * n + 1), next = std::to_string(2 * n + 2), fence = std::to_string(n);
      text += R"({"op":"grant","mono_ns":)" + at + R"(,"position":)" + at + R"(,"job":"A","version":)" +
              std::to_string(2 * n) + R"(,"fence":)" + fence + R"(,"term":1,"worker":"w","batch":"b)" + fence +
              R"(","model":"m"})" + "\n";
      text += R"({"op":"release","mono_ns":)" + next + R"(,"position":)" + next + R"(,"job":"A","version":)" + at +
              R"(,"fence":)" + fence + R"(,"counted":false,"cause":")" + cause + "\"}\n";
    }
    history log{text_inputs("paused", text)};
    return check(log, {}).found.violated_of(invariant::i9);
  };
  CHECK(violations_with("preempted") == 0);
  CHECK(violations_with("unreachable") == 5);
}
