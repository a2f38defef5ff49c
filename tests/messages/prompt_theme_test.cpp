// prompt_theme_test.cpp: Prompts that share most tokens are near each other, others are not.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "messages/prompt_theme.hpp"

using namespace reel;

namespace {

std::vector<std::int32_t> tokens(std::int32_t first, std::int32_t count) {
  std::vector<std::int32_t> all;
  for (std::int32_t i = 0; i < count; ++i) all.push_back(first + i);
  return all;
}

} // namespace

TEST_CASE("an empty prompt has no theme, every other one has, and what has none is far from all") {
  CHECK(theme_of({}) == 0);
  REQUIRE(
      rc::check([](const std::vector<std::int32_t>& prompt) { RC_ASSERT((theme_of(prompt) == 0) == prompt.empty()); }));
  CHECK(theme_distance(0, 0) == 64);
  CHECK(theme_distance(theme_of(tokens(1, 5)), 0) == 64);
  CHECK(theme_distance(theme_of(tokens(1, 5)), theme_of(tokens(1, 5))) == 0);
}

TEST_CASE("the order of the tokens does not matter") {
  REQUIRE(rc::check([](const std::vector<std::int32_t>& prompt) {
    std::vector<std::int32_t> backwards{prompt.rbegin(), prompt.rend()};
    RC_ASSERT(theme_of(prompt) == theme_of(backwards));
  }));
}

TEST_CASE("prompts of one template are nearer to each other than to those of another") {
  for (std::int32_t a = 0; a < 40; ++a) {
    auto in_style = [](std::int32_t style, std::int32_t subject) {
      auto prompt = tokens(1'000 * (style + 1), 15);
      for (auto t : tokens(100'000 + 10 * subject, 4)) prompt.push_back(t);
      return theme_of(prompt);
    };
    CHECK(theme_distance(in_style(a, 1), in_style(a, 2)) < theme_distance(in_style(a, 1), in_style(a + 1, 1)));
    CHECK(theme_distance(in_style(a, 3 * a), in_style(a + 1, 3 * a + 1)) >= 16);
  }
}
