// fault_plan_test.cpp: What plans may say, what is refused and how, and which hits fire.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "runtime/config.hpp"
#include "runtime/fault/fault_plan.hpp"

using namespace reel;
using namespace reel::fault;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

plan parsed(const std::string& toml) { return parse_plan(toml, "/plans/some.toml"); }

std::string refusal(const std::string& toml) {
  try {
    parsed(toml);
  } catch (const config_error& e) {
    return e.what();
  }
  return "none";
}

const std::string smallest = "[[fault]]\nname = \"a\"\nat = \"objects.write\"\naction = \"error\"\n";

rule rule_with(const std::string& more) { return parsed(smallest + more).rules.at(0); }

std::vector<std::uint64_t> fired_of(const plan& p, std::uint64_t hits) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t hit = 1; hit <= hits; ++hit)
    if (fires(p, p.rules.at(0), hit)) all.push_back(hit);
  return all;
}

} // namespace

TEST_CASE("a plan with every key") {
  auto p = parsed("seed = 9\n[[fault]]\nname = \"slow\"\nat = \"render.step\"\naction = \"delay\"\nprocess = "
                  "[\"workers-1\", \"w2/0\"]\nmarker = \"seed=66\"\nsize_min = 2\nafter = 3\nevery = 2\nprobability = "
                  "0.5\nmost = 4\ndelay = \"200ms\"\njitter = \"50ms\"\nwhile_file = \"on\"\n");
  CHECK(p.seed == 9);
  const auto& r = p.rules.at(0);
  CHECK(points[r.point].name == "render.step");
  CHECK(r.what == action::delay);
  CHECK(r.processes == std::vector<std::string>{"workers-1", "w2/0"});
  CHECK(r.marker == "seed=66");
  CHECK(r.size_min == 2);
  CHECK((r.after == 3 && r.every == 2 && r.most == 4 && r.probability == 0.5));
  CHECK((r.delay == 200ms && r.jitter == 50ms));
  CHECK(r.while_file == "/plans/on");
}

TEST_CASE("the example in cluster-configs is one") {
  auto p = read_plan(std::string{REEL_SOURCE_DIR} + "/cluster-configs/faults/example.toml");
  REQUIRE(p.rules.size() == 4);
  CHECK(p.rules[0].name == "die-after-upload");
}

TEST_CASE("no faults are a plan, too") { CHECK(parsed("").rules.empty()); }

TEST_CASE("what is wrong is named with its line and what is allowed") {
  CHECK_THAT(refusal("[[fault]]\nname = \"a\"\nat = \"worker.after_uplaod\"\naction = \"abort\"\n"),
             ContainsSubstring("/plans/some.toml:3: fault[1].at = 'worker.after_uplaod': allowed") &&
                 ContainsSubstring("worker.after_upload") && ContainsSubstring("gateway.before_reply"));
  CHECK_THAT(refusal("[[fault]]\nname = \"a\"\nat = \"objects.write\"\naction = \"drop\"\n"),
             ContainsSubstring("some.toml:4: fault[1].action = 'drop': allowed") && ContainsSubstring("no_space"));
  CHECK_THAT(refusal(smallest + "delay = \"1s\"\n"), ContainsSubstring("some.toml:5: fault[1].delay"));
  CHECK_THAT(refusal("[[fault]]\nname = \"a\"\nat = \"objects.write\"\naction = \"delay\"\n"),
             ContainsSubstring("fault[1].delay is missing"));
  CHECK_THAT(refusal(smallest + "probability = 1.5\n"), ContainsSubstring("some.toml:5: fault[1].probability = "));
  CHECK_THAT(refusal(smallest + "every = 0\n"), ContainsSubstring("some.toml:5: fault[1].every = "));
  CHECK_THAT(refusal(smallest + "evry = 1\n"), ContainsSubstring("some.toml:5: fault[1].evry is not known here"));
  CHECK_THAT(refusal(smallest + smallest),
             ContainsSubstring("some.toml:6: fault[2].name = 'a': is the name of two faults"));
  CHECK_THAT(refusal("[[fault]]\nname = \"../a\"\nat = \"objects.write\"\naction = \"error\"\n"),
             ContainsSubstring("some.toml:2: fault[1].name"));
  CHECK_THAT(refusal("seed = 1\n[[fault]\n"), ContainsSubstring("some.toml:2"));
}

TEST_CASE("a plan has a bounded number of faults") {
  std::string toml;
  for (std::size_t i = 0; i <= rules_max; ++i)
    toml += "[[fault]]\nname = \"f" + std::to_string(i) + "\"\nat = \"objects.write\"\naction = \"error\"\n";
  CHECK_THAT(refusal(toml), ContainsSubstring("at most 64"));
}

TEST_CASE("a fault concerns its point, its processes, its marker and its size") {
  auto r = rule_with("process = [\"workers-1\"]\nmarker = \"seed=66\"\nsize_min = 2\n");
  circumstances here{"job=x seed=667 ", 2};
  CHECK(concerns(r, r.point, "workers-1", here));
  CHECK(concerns(r, r.point, "workers-1/0", here));
  CHECK_FALSE(concerns(r, r.point, "workers-10", here));
  CHECK_FALSE(concerns(r, r.point, "control", here));
  CHECK_FALSE(concerns(r, r.point + 1, "workers-1", here));
  CHECK_FALSE(concerns(r, r.point, "workers-1", {"seed=5", 2}));
  CHECK_FALSE(concerns(r, r.point, "workers-1", {"seed=66", 1}));
  CHECK(concerns(rule_with(""), r.point, "anybody", {}));
}

TEST_CASE("hits fire after some, then every so many") {
  CHECK(fired_of(parsed(smallest), 3) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(fired_of(parsed(smallest + "after = 3\nevery = 2\n"), 9) == std::vector<std::uint64_t>{4, 6, 8});
}

TEST_CASE("probability is kept in the mean, and seed and name alone decide which hits") {
  auto p = parsed("seed = 3\n" + smallest + "probability = 0.3\n");
  auto fired = fired_of(p, 10'000);
  CHECK((fired.size() > 2'800 && fired.size() < 3'200));
  CHECK(fired == fired_of(p, 10'000));
  auto other_seed = p, other_name = p;
  other_seed.seed = 4;
  other_name.rules[0].name = "b";
  CHECK(fired != fired_of(other_seed, 10'000));
  CHECK(fired != fired_of(other_name, 10'000));
  p.rules[0].probability = 0;
  CHECK(fired_of(p, 1000).empty());
}

TEST_CASE("a delay has its share of jitter") {
  auto p = parsed("[[fault]]\nname = \"a\"\nat = \"objects.write\"\naction = \"delay\"\ndelay = \"10ms\"\njitter = "
                  "\"100ms\"\n");
  auto least = 1000ms, most = 0ms;
  for (std::uint64_t hit = 1; hit <= 1000; ++hit) {
    auto d = delay_of(p, p.rules[0], hit);
    least = std::min(least, d);
    most = std::max(most, d);
  }
  CHECK((least >= 10ms && least < 15ms && most > 100ms && most <= 110ms));
}
