// range_test.cpp: Byte ranges by the examples of RFC 9110, and by their definition for random ones.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/gateway/http/range.hpp"

using namespace reel;
using kind = byte_range::kind;

TEST_CASE("single ranges") {
  CHECK(parse_range("bytes=0-499", 10'000) == byte_range{kind::part, 0, 500});
  CHECK(parse_range("bytes=500-999", 10'000) == byte_range{kind::part, 500, 500});
  CHECK(parse_range("bytes=-500", 10'000) == byte_range{kind::part, 9500, 500});
  CHECK(parse_range("bytes=9500-", 10'000) == byte_range{kind::part, 9500, 500});
  CHECK(parse_range("bytes=0-0", 10'000) == byte_range{kind::part, 0, 1});
  CHECK(parse_range("bytes=9999-20000", 10'000) == byte_range{kind::part, 9999, 1});
  CHECK(parse_range("bytes=-20000", 10'000) == byte_range{kind::part, 0, 10'000});
}

TEST_CASE("a range behind the end cannot be satisfied") {
  for (auto text : {"bytes=10000-", "bytes=10000-20000", "bytes=-0"})
    CHECK(parse_range(text, 10'000).what == kind::unsatisfiable);
  CHECK(parse_range("bytes=0-", 0).what == kind::unsatisfiable);
  CHECK(parse_range("bytes=-1", 0).what == kind::unsatisfiable);
}

TEST_CASE("what is not one well-formed range means the whole") {
  for (auto text : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-1", "bytes=1-2,4-5", "lines=1-2", "bytes=1",
                    "bytes=+1-2", "bytes=1-2x", "bytes=99999999999999999999-", "bytes=--1"}) {
    INFO(text);
    CHECK(parse_range(text, 10'000) == byte_range{kind::whole, 0, 10'000});
  }
}

TEST_CASE("a part always lies inside the file") {
  REQUIRE(rc::check([](std::uint64_t first, std::uint64_t last, std::uint32_t size) {
    auto r = parse_range("bytes=" + std::to_string(first) + "-" + std::to_string(last), size);
    if (r.what == kind::part) RC_ASSERT(r.length > 0 && r.first < size && r.length <= size - r.first);
  }));
}

TEST_CASE("entity tags in a list") {
  CHECK(names_etag("\"a\", W/\"b\"", "\"b\""));
  CHECK(names_etag("*", "\"b\""));
  CHECK_FALSE(names_etag("\"a\"", "\"b\""));
  CHECK_FALSE(names_etag("", "\"b\""));
}
