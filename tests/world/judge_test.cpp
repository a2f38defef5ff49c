// judge_test.cpp: What is asked for and not shown is wrong; what is not asked for is not judged.
#include <catch2/catch_test_macros.hpp>

#include "src/world/judge.hpp"

using namespace reel::world;

namespace {

seen_object seen(colour c, shape s, double x_px, double y_px = 32) {
  return {
      .colour = c, .shape = s, .motion = motion::up, .size = size::small, .x_px = x_px, .y_px = y_px, .radius_px = 9};
}

expected_object wanted(colour c, shape s, place p) { return {c, s, motion::up, {}, {}, p}; }

const background blue{pattern::plain, tone::blue, tone::blue};

/// colour, background, motion, shape, size, count
using row = std::array<std::optional<bool>, judged_names.size()>;

expectation both() {
  expectation e;
  e.background = blue;
  e.objects = {wanted(colour::red, shape::circle, place::left), wanted(colour::green, shape::star, place::right)};
  return e;
}

} // namespace

TEST_CASE("two objects are told apart by their halves, in whatever order they are seen") {
  seen_clip clip{blue, {seen(colour::green, shape::star, 48), seen(colour::red, shape::circle, 16)}};
  auto v = judge(both(), clip);
  CHECK(v.right == row{true, true, true, true, std::nullopt, true});
  CHECK(v.all());
}

TEST_CASE("objects that changed sides are wrong in what differs") {
  seen_clip clip{blue, {seen(colour::red, shape::circle, 48), seen(colour::green, shape::star, 16)}};
  auto v = judge(both(), clip);
  CHECK(v.right == row{false, true, true, false, std::nullopt, true});
  CHECK_FALSE(v.all());
}

TEST_CASE("an object that is not there is wrong in everything asked of it") {
  auto v = judge(both(), {blue, {seen(colour::red, shape::circle, 16)}});
  CHECK(v.right == row{false, true, false, false, std::nullopt, false});
}

TEST_CASE("halves of top and bottom go by height") {
  auto asked = both();
  asked.objects[0].place = place::bottom;
  asked.objects[1].place = place::top;
  seen_clip clip{blue, {seen(colour::red, shape::circle, 32, 48), seen(colour::green, shape::star, 32, 16)}};
  CHECK(judge(asked, clip).all());
}

TEST_CASE("a third thing beside the one that was asked for is wrong") {
  expectation asked;
  asked.objects = {{colour::red, shape::circle, {}, {}, {}, {}}};
  seen_clip one{blue, {seen(colour::red, shape::circle, 16)}};
  CHECK(judge(asked, one).right == row{true, std::nullopt, std::nullopt, true, std::nullopt, true});
  auto two = one;
  two.objects.push_back(seen(colour::blue, shape::cross, 48));
  CHECK_FALSE(judge(asked, two).all());
}

TEST_CASE("a text that asks for nothing is met by anything") {
  auto v = judge({}, {blue, {}});
  CHECK(v.right == row{});
  CHECK(v.all());
}

TEST_CASE("which of a background's two tones comes first is not judged, what they make is") {
  expectation e;
  e.background = background{pattern::stripes, tone::red, tone::teal};
  auto seen_over = [&e](background b) { return *judge(e, {b, {}}).right[1]; };
  CHECK(seen_over({pattern::stripes, tone::red, tone::teal}));
  CHECK(seen_over({pattern::stripes, tone::teal, tone::red}));
  CHECK_FALSE(seen_over({pattern::gradient, tone::teal, tone::red}));
  CHECK_FALSE(seen_over({pattern::stripes, tone::teal, tone::teal}));
}
