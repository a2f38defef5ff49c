// target_test.cpp: Paths and queries are decoded once, and nothing that could climb out of a path gets
// through.
#include <catch2/catch_test_macros.hpp>

#include "actors/gateway/http/target.hpp"

using namespace reel;

TEST_CASE("a target falls into segments and parameters") {
  auto t = parse_target("/v1/videos/a%20b?x=1&y=a%26b+c&z&&w=");
  REQUIRE(t);
  CHECK(t->path == std::vector<std::string>{"v1", "videos", "a b"});
  using pair = std::pair<std::string, std::string>;
  CHECK(t->query == std::vector<pair>{{"x", "1"}, {"y", "a&b c"}, {"z", ""}, {"w", ""}});
}

TEST_CASE("the absolute form, the root and a slash at the end are fine") {
  CHECK(parse_target("http://host:80/a?b=1")->path == std::vector<std::string>{"a"});
  CHECK(parse_target("http://host")->path.empty());
  CHECK(parse_target("/")->path.empty());
  CHECK(parse_target("/a/")->path == std::vector<std::string>{"a"});
}

TEST_CASE("what climbs, hides or breaks is refused") {
  for (auto bad : {"", "a", "*", "/a//b", "/./a", "/a/..", "/%2e%2e/a", "/a%2fb", "/a%5cb", "/a\\b", "/%", "/%4",
                   "/%zz", "/a%00b", "/a%0ab", "/a?x=%", "/a?%zz=1", "//a"}) {
    INFO(bad);
    CHECK_FALSE(parse_target(bad));
  }
  CHECK_FALSE(parse_target("/" + std::string(40, '/')));
  std::string deep, many = "/a?";
  for (int i = 0; i < 17; ++i) deep += "/a";
  for (int i = 0; i < 33; ++i) many += "x=1&";
  CHECK_FALSE(parse_target(deep));
  CHECK_FALSE(parse_target(many));
}
