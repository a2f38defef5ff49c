// suite_test.cpp: When a suite of runs has passed, and what it says of them together.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include "src/reel-chaos/suite.hpp"

using namespace reel::chaos;
namespace json = boost::json;

namespace {

/// Of a run: how many events were held against I1, I2 and I3.
run_result run(const std::string& name, int i1, int i2, int i3) {
  run_result r;
  r.what.name = name;
  r.what.rows = {1, 2};
  r.verdict = "valid";
  json::object invariants;
  for (auto [which, n] : {std::pair{"I1", i1}, {"I2", i2}, {"I3", i3}})
    invariants[which] = {{"verdict", "valid"}, {"checked", n}, {"violated", 0}};
  r.check_output = json::serialize(json::object{{"invariants", invariants}});
  return r;
}

} // namespace

TEST_CASE("a suite has passed when all runs have and every invariant was judged in one of them") {
  CHECK(has_passed({run("a", 3, 0, 1), run("b", 0, 2, 0)}));
  CHECK(vacuous_in({run("a", 3, 0, 1)}) == std::vector<std::string>{"I2 was judged by no event of any run"});
  CHECK_FALSE(has_passed({run("a", 3, 0, 1)}));
  auto failed = run("a", 1, 1, 1);
  failed.failures = {"not drained"};
  CHECK_FALSE(has_passed({failed, run("b", 1, 1, 1)}));
}

TEST_CASE("deliveries have to be judged only where somebody receives them") {
  auto r = run("a", 1, 1, 0);
  CHECK(has_passed({r}));
  r.has_receiver = true;
  CHECK_FALSE(has_passed({r}));
}

TEST_CASE("a bound is met by a measurement alone, at most or at least what is allowed") {
  CHECK(bound_result{"a", 5, 5}.is_met());
  CHECK_FALSE(bound_result{"a", 5.1, 5}.is_met());
  CHECK_FALSE(bound_result{"a", {}, 5}.is_met());
  CHECK(bound_result{"a", 5, 5, "%", true}.is_met());
  CHECK_FALSE(bound_result{"a", 4.9, 5, "%", true}.is_met());
}

TEST_CASE("the summary names runs, sums of events and the worst of each bound") {
  auto a = run("a", 3, 1, 1), b = run("b", 4, 1, 1);
  a.bounds = {{"drain", 100, 1000}, {"good", 95, 90, "%", true}};
  b.bounds = {{"drain", 900, 1000}, {"good", 99, 90, "%", true}};
  const auto all = json::parse(suite_json({a, b}));
  CHECK(all.at("passed").as_bool());
  CHECK(all.at("runs").as_array().size() == 2);
  CHECK(all.at("invariants").at("I1").at("judged").to_number<int>() == 7);
  CHECK(all.at("bounds").at(0).at("worst").to_number<double>() == 900);
  CHECK(all.at("bounds").at(0).at("run").as_string() == "b, seed 1");
  CHECK(all.at("bounds").at(1).at("worst").to_number<double>() == 95);
  const auto text = suite_markdown({a, b});
  for (const auto* part : {"2 of 2 runs passed", "a-1.svg", "| I1 | 7 | 0 |", "900 ms"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
}
