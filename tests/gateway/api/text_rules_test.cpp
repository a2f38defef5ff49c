// text_rules_test.cpp: Which texts are clean, and RFC 3339 times against known moments.
#include <catch2/catch_test_macros.hpp>

#include "actors/gateway/api/create_video.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("clean texts pass") {
  for (auto text : {"", "a cat", "two\nlines\tand a tab", "一只猫", "caf\u00e9 \U0001f600", "\u2028"})
    CHECK(text_problem(text).empty());
}

TEST_CASE("what is wrong with a text is named with its place") {
  CHECK(text_problem("ab\xff") == "invalid UTF-8 at byte 2");
  CHECK(text_problem("\xc0\x80") == "invalid UTF-8 at byte 0");
  CHECK(text_problem("a\xed\xa0\x80") == "invalid UTF-8 at byte 1");
  CHECK(text_problem("\xf4\x90\x80\x80") == "invalid UTF-8 at byte 0");
  CHECK(text_problem("\xe4\xb8") == "invalid UTF-8 at byte 0");
  CHECK(text_problem(std::string{"a\0b", 3}) == "control character U+0000 at byte 1");
  CHECK(text_problem("a\r\n") == "control character U+000D at byte 1");
  CHECK(text_problem("\x1b[31m") == "control character U+001B at byte 0");
  CHECK(text_problem("x\x7f") == "control character U+007F at byte 1");
  CHECK(text_problem("\u0085") == "control character U+0085 at byte 0");
}

TEST_CASE("times of RFC 3339 are read") {
  const wall_time noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 12h};
  CHECK(parse_rfc3339("2026-11-22T12:00:00Z") == noon);
  CHECK(parse_rfc3339("2026-11-22t12:00:00z") == noon);
  CHECK(parse_rfc3339("2026-11-22 12:00:00Z") == noon);
  CHECK(parse_rfc3339("2026-11-22T13:30:00+01:30") == noon);
  CHECK(parse_rfc3339("2026-11-22T04:00:00-08:00") == noon);
  CHECK(parse_rfc3339("2026-11-22T12:00:00.5Z") == noon + 500ms);
  CHECK(parse_rfc3339("2026-11-22T12:00:00.123456Z") == noon + 123ms);
}

TEST_CASE("other times are refused") {
  for (auto bad : {"", "2026-11-22", "2026-11-22T12:00:00", "2026-02-30T12:00:00Z", "2026-13-01T12:00:00Z",
                   "2026-11-22T24:00:00Z", "2026-11-22T12:60:00Z", "2026-11-22T12:00:00.Z", "2026-11-22T12:00:00+1:00",
                   "2026-11-22T12:00:00ZZ", "22.11.2026", "2026-11-22T12:00:00+25:00", "-026-11-22T12:00:00Z"}) {
    INFO(bad);
    CHECK_FALSE(parse_rfc3339(bad));
  }
}
