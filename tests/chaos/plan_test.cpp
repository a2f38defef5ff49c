// plan_test.cpp: Plans: those of the repository can be read, wrong ones are refused by name, the same seed draws the
// same.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <set>
#include <unistd.h>

#include "runtime/config.hpp"
#include "src/reel-chaos/plan.hpp"

using namespace reel::chaos;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

plan read(const std::string& text) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("reel-plan-{}.toml", ::getpid());
  std::ofstream{file} << text;
  auto p = read_plan(file.string());
  std::filesystem::remove(file);
  return p;
}

void refused(const std::string& text, const std::string& because) {
  CHECK_THROWS_MATCHES(read(text), reel::config_error, MessageMatches(ContainsSubstring(because)));
}

const std::string kill = "title = \"t\"\nfaults_for = \"10s\"\n[[fault]]\nkind = \"kill\"\ntarget = \"worker\"\n";

} // namespace

TEST_CASE("the plans of the repository can be read, and some of them are quick") {
  const auto all = read_plans(REEL_CHAOS_PLANS);
  CHECK(all.size() >= 10);
  std::set<std::int64_t> rows;
  int quick = 0;
  for (const auto& p : all) {
    rows.insert(p.rows.begin(), p.rows.end());
    quick += p.quick ? 1 : 0;
  }
  CHECK(rows.contains(1));
  CHECK(rows.contains(64));
  CHECK(quick >= 3);
}

TEST_CASE("a wrong plan is refused with the key and what is allowed") {
  CHECK(read(kill).faults.at(0).target == "worker");
  refused(kill + "every = \"often\"\n", "every");
  refused(kill + "weight = 3\n", "weight");
  refused("title = \"t\"\n", "[[fault]]");
  refused("title = \"t\"\n[[fault]]\nkind = \"kill\"\ntarget = \"workers-3\"\n", "workers-3"); // there are two
  refused("title = \"t\"\n[[fault]]\nkind = \"flood\"\ntarget = \"all\"\n", "flood");
  const std::string receiver = "[[fault]]\nkind = \"receiver\"\nanswer = ";
  CHECK(read("title = \"t\"\n[load]\nwebhooks = true\n" + receiver + "\"hang\"\n").faults.at(0).answer == "hang");
  refused("title = \"t\"\n[load]\nwebhooks = true\n" + receiver + "\"shout\"\n", "shout");
  refused("title = \"t\"\n" + receiver + "\"hang\"\n", "webhooks = true"); // nobody would ask it
  refused("title = \"t\"\n[load]\nsteps_least = 9\nsteps_most = 3\n", "steps_most");
}

TEST_CASE("a longer run repeats a plan's faults until its time is over") {
  auto p = read(kill + "at = \"3s\"\n");
  last_for(p, 35s);
  REQUIRE(p.faults.size() == 3);
  CHECK(p.faults[2].at == 23s);
  CHECK(p.faults_for == 35s);
}

TEST_CASE("the same seed draws the same faults, another seed others") {
  auto drawn = [](std::uint64_t seed) {
    auto p = read("title = \"t\"\nfaults_for = \"10s\"\nrandom_faults = 20\n");
    draw_faults(p, seed);
    std::vector<std::string> all;
    for (const auto& f : p.faults) {
      CHECK(f.at < 10s);
      CHECK_FALSE((f.kind == "stop" && f.target == "worker"));
      all.push_back(fmt::format("{} {} {} {}", f.kind, f.target, f.at.count(), f.lasts.count()));
    }
    return all;
  };
  CHECK(drawn(1) == drawn(1));
  CHECK(drawn(1) != drawn(2));
  CHECK(drawn(3).size() == 20);
}
