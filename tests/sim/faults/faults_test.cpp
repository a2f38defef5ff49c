// faults_test.cpp: The cluster's decisions under faults, in virtual time: what holds for every seed, that a seed says
// everything, and plans that failed once. Method: plans drawn from seeds, each run twice, the history judged by the
// checker. The environment takes more: REEL_SIM_SEEDS=10000 REEL_SIM_SEED=201 test_sim_faults.
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "src/reel-sim/faults/shrink.hpp"
#include "tests/sim/faults/judge.hpp"

using namespace reel::faultsim;
namespace fs = std::filesystem;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::stoull(text) : otherwise;
}

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace

TEST_CASE("whatever breaks, every promise is kept, and a second run is the same") {
  const auto first = from_environment("REEL_SIM_SEED", 1), seeds = from_environment("REEL_SIM_SEEDS", 200);
  std::uint64_t faults = 0, lost = 0, refused = 0, expired = 0, terms = 0, dead = 0;
  for (auto seed = first; seed < first + seeds; ++seed) {
    const auto p = draw_plan(seed);
    const auto j = judge(p);
    INFO("reel-sim --faults --seed " << seed << " --shrink\n" << j.words);
    CHECK(j.is_well());
    CHECK(j.report.jobs >= p.jobs);
    CHECK(j.report.succeeded + j.report.failed + j.report.cancelled + j.report.dead == j.report.jobs);
    CHECK(simulate(p).trace == j.report.trace);
    faults += j.report.faults;
    lost += j.report.lost_operations;
    refused += j.report.refused;
    expired += j.report.leases_expired;
    terms += j.report.terms - 1;
    dead += j.report.dead;
  }
  if (seeds < 200) return;
  CHECK(faults > 1000); // it was no calm sea
  CHECK(lost > 0);
  CHECK(refused > 100);
  CHECK(expired > 0);
  CHECK(terms > 100);
  CHECK(dead > 10);
}

TEST_CASE("another seed is another run") { CHECK(simulate(draw_plan(1)).trace != simulate(draw_plan(2)).trace); }

TEST_CASE("without faults every job that is not cancelled succeeds") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto p = draw_plan(seed);
    p.faults.clear();
    p.poison_permille = 0;
    const auto j = judge(p);
    INFO(seed << "\n" << j.words);
    CHECK(j.is_well());
    CHECK(j.report.succeeded + j.report.cancelled == j.report.jobs);
    CHECK(j.report.faults == 0);
    CHECK(j.report.refused == 0);
  }
}

TEST_CASE("a plan that is written down is the same plan") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto p = draw_plan(seed);
    CHECK(parse_plan(to_toml(p), "plan") == p);
  }
}

TEST_CASE("plans that failed once are well") {
  std::size_t plans = 0;
  for (const auto& entry : fs::directory_iterator{REEL_SOURCE_DIR "/tests/data/faultsim"}) {
    const auto j = judge(parse_plan(text_of(entry.path()), entry.path().string()));
    INFO(entry.path().string() << "\n" << j.words);
    CHECK(j.is_well());
    ++plans;
  }
  CHECK(plans >= 2);
}

TEST_CASE("a failing plan is cut down to one that still fails") {
  const auto broken = defect::ack_before_commit;
  auto fails = [broken](const plan& p) { return !judge(p, broken).is_well(); };
  std::uint64_t seed = 1;
  while (!fails(draw_plan(seed))) REQUIRE(++seed < 100);
  const auto p = draw_plan(seed);
  const auto s = shrink(p, fails);
  CHECK(fails(s.smallest));
  CHECK(s.smallest.faults.size() < p.faults.size());
  CHECK(s.smallest.faults.size() <= 3);
  CHECK(s.tried <= 200);
  const auto again = parse_plan(to_toml(s.smallest), "plan");
  CHECK(simulate(again, {}, broken).trace == simulate(s.smallest, {}, broken).trace);
  CHECK(judge(again).is_well()); // without the defect
}
