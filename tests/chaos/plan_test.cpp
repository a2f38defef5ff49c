// plan_test.cpp: Plans: those of the repository can be read, wrong ones are refused by name, the same seed draws the
// same.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <set>
#include <unistd.h>

#include "runtime/config.hpp"
#include "src/reel-chaos/catalogue.hpp"
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
  CHECK(read(kill + "[bounds]\nforbid = [\"refuse\"]\n").bounds.forbid == std::vector<std::string>{"refuse"});
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

TEST_CASE("every row of the catalogue is in a plan or left out for a reason") {
  std::map<std::int64_t, int> seen;
  for (const auto& p : read_plans(REEL_CHAOS_PLANS))
    for (auto row : p.rows) {
      CHECK((row >= 1 && row <= catalogue_rows));
      seen[row] |= 1;
    }
  for (const auto& r : rows_left_out) seen[r.row] |= 2;
  for (std::int64_t row = 1; row <= catalogue_rows; ++row) {
    INFO("row " << row);
    CHECK((seen[row] == 1 || seen[row] == 2));
  }
}

TEST_CASE("a longer run repeats a plan's faults until its time is over, with as much more load") {
  auto p = read(kill + "at = \"3s\"\n");
  last_for(p, 35s);
  REQUIRE(p.faults.size() == 3);
  CHECK(p.faults[2].at == 23s);
  CHECK(p.faults_for == 35s);
  CHECK(p.load.jobs == 292); // 100 in 13 s

  p = read(kill + "lasts = \"15s\"\n");
  last_for(p, 40s);
  REQUIRE(p.faults.size() == 2); // none begins before the one before it is over
  CHECK(p.faults[1].at == 15s);
}

TEST_CASE("how many faults are under way at once") {
  fault_spec f;
  f.lasts = 2s;
  f.every = 1s;
  f.times = 3;
  CHECK(most_at_once({f}) == 2);
  f.every = 2s;
  CHECK(most_at_once({f}) == 1);
  CHECK(most_at_once({f, f, f}) == 3);
  CHECK(most_at_once({}) == 0);
}

namespace {

std::string text_of(const fault_spec& f) {
  return fmt::format("{} {} {} {} {} {}", f.kind, f.target, f.at.count(), f.lasts.count(), f.point, f.link.flip_chance);
}

/// Of one driver and one thing: what ends there is taken back altogether.
std::string place_of(const fault_spec& f) {
  if (f.kind == "clock" || f.kind == "sync") return "shim " + f.target;
  return f.kind == "link" || f.kind == "disk" ? f.kind + ' ' + f.target : "";
}

} // namespace

TEST_CASE("the same seed draws the same faults, another seed others; of every driver, three and more at once") {
  auto drawn = [](std::uint64_t seed) {
    auto p = read("title = \"t\"\nfaults_for = \"60s\"\nrandom_faults = 60\n");
    draw_faults(p, seed);
    return p.faults;
  };
  std::set<std::string> kinds, points;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    const auto all = drawn(seed);
    std::vector<std::string> texts, again;
    for (const auto& f : all) texts.push_back(text_of(f));
    for (const auto& f : drawn(seed)) again.push_back(text_of(f));
    CHECK(texts == again);
    CHECK(text_of(drawn(seed + 1).back()) != texts.back());
    CHECK(all.size() >= 30);
    CHECK(most_at_once(all) >= 3);
    std::map<std::string, milliseconds> free_at;
    for (const auto& f : all) {
      kinds.insert(f.kind);
      points.insert(f.point + ' ' + f.action);
      CHECK(f.at + f.lasts <= 60s);
      CHECK_FALSE((f.kind == "stop" && f.target == "worker"));
      if (const auto place = place_of(f); !place.empty()) {
        CHECK(free_at[place] <= f.at);
        free_at[place] = f.at + f.lasts;
      }
    }
  }
  CHECK(kinds == std::set<std::string>{"clock", "disk", "kill", "link", "pause", "point", "stop", "sync"});
  CHECK(points.size() > 10);
}
