// random_histories_test.cpp: Histories of a cluster that keeps its promises are valid, whatever happened in them; with
// any one defect they are not, and the checker names the promise that was broken. Method: history_maker plays the
// cluster from a seed, mutations.hpp puts one defect in.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "src/reel-check/checker.hpp"
#include "src/reel-check/report.hpp"
#include "tests/check/mutations.hpp"

using namespace reel::check;

namespace {

/// The maker loses more answers than a real run may.
bounds maker_bounds() {
  bounds b;
  b.unknown_submits_permille = 1000;
  return b;
}

result check_made(const made_history& h, std::string* report = nullptr) {
  history log{h.inputs()};
  auto r = check(log, maker_bounds());
  if (report) *report = to_text(r, log);
  return r;
}

bool names_one_of(const findings& f, const std::vector<invariant>& wanted) {
  return std::ranges::any_of(wanted, [&](invariant i) { return f.violated_of(i) > 0; });
}

} // namespace

TEST_CASE("what a cluster does that keeps its promises is valid") {
  auto ok = rc::check([](std::uint64_t seed) {
    std::string report;
    auto r = check_made(make_history(seed), &report);
    RC_LOG() << "seed " << seed << "\n" << report;
    RC_ASSERT(r.found.result() == verdict::valid);
  });
  CHECK(ok);
}

TEST_CASE("the made histories exercise every invariant") {
  findings all;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto r = check_made(make_history(seed));
    for (std::size_t i = 0; i < invariants_count; ++i)
      all.checked(static_cast<invariant>(i), r.found.checked_of(static_cast<invariant>(i)));
  }
  for (std::size_t i = 0; i < invariants_count; ++i) {
    INFO(name_of(static_cast<invariant>(i)));
    CHECK(all.checked_of(static_cast<invariant>(i)) > 0);
  }
}

TEST_CASE("any one defect is found, and named") {
  for (const auto& m : mutations()) {
    int applied = 0;
    for (std::uint64_t seed = 0; seed < 60 || (applied < 20 && seed < 400); ++seed) {
      auto h = make_history(seed);
      std::mt19937_64 random{seed};
      if (!m.apply(h, random)) continue;
      ++applied;
      std::string report;
      auto r = check_made(h, &report);
      INFO(m.name << ", seed " << seed << "\n" << report);
      REQUIRE(r.found.result() == verdict::invalid);
      REQUIRE(names_one_of(r.found, m.breaks));
    }
    INFO(m.name);
    CHECK(applied >= 20);
  }
}
