// score_test.cpp: Shares, how sure they are, and what --require asks for.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "src/reel-eval/score.hpp"

using namespace reel::eval;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

reel::world::verdict verdict_of(bool colour, bool shape) {
  reel::world::verdict v;
  v.right[0] = colour;
  v.right[3] = shape;
  return v;
}

} // namespace

TEST_CASE("an interval is narrow where much was asked, and never leaves 0 to 1") {
  // Wilson's interval for 8 of 10, as tables have it: 0.490 to 0.943.
  auto some = interval_of({8, 10});
  CHECK(some.low == Approx(.490).margin(.001));
  CHECK(some.high == Approx(.943).margin(.001));
  auto all = interval_of({100, 100});
  CHECK(all.low == Approx(.963).margin(.001));
  CHECK(all.high == Approx(1));
  CHECK(interval_of({0, 0}).high == 1);
}

TEST_CASE("a score counts what was asked, by split and in all") {
  score s;
  s.add("b", verdict_of(true, false));
  s.add("b", verdict_of(true, true));
  s.add("a", verdict_of(false, true));
  auto splits = s.splits();
  REQUIRE(splits.size() == 3);
  CHECK(splits[0].split == "b");
  CHECK(splits[0].shares[0].right == 2);
  CHECK(splits[0].shares[attributes - 1].right == 1);
  CHECK(splits[2].prompts == 3);
  CHECK(splits[2].shares[3].right == 2);
  CHECK(splits[2].shares[1].asked == 0);
  CHECK_THAT(table_of(splits), ContainsSubstring("100.0 (34-100)") && ContainsSubstring("total"));
}

TEST_CASE("a requirement is met from its share on, and by nothing where nobody asked") {
  split_score total{.split = "total", .prompts = 10, .shares = {}};
  total.shares[0] = {9, 10};
  CHECK(unmet(parse_requirements("colour=0.9"), total).empty());
  CHECK(unmet(parse_requirements("colour=0.91,size=0"), total).size() == 2);
  for (auto* bad : {"colr=1", "colour", "colour=", "colour=2", "colour=0.5x", ""})
    CHECK_THROWS_AS(parse_requirements(bad), std::invalid_argument);
}
