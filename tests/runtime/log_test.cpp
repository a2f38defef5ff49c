// log_test.cpp: Every line is one JSON object, whatever is logged.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <limits>

#include "runtime/observe/log.hpp"

using namespace reel;

namespace {

std::string line(std::string_view value) {
  return log::format_line(log::level::warn, "n1", "it happened", {{"value", value}, {"count", 3}, {"good", true}},
                          1500);
}

} // namespace

TEST_CASE("a line has time, level, node, event and fields") {
  CHECK(
      line("x") ==
      R"({"ts":"1970-01-01T00:00:01.500Z","level":"warn","node":"n1","event":"it happened","value":"x","count":3,"good":true})");
}

TEST_CASE("no value can break out of its line") {
  for (std::string_view evil :
       {"a\r\nb", "\x1b[31m", "\"}{\"", "\\", "\u2028\u2029", "\x7f", "\u0080\u0085\u009b31m\u009f", "\u00a0\u6f22"}) {
    auto text = line(evil);
    for (char c : text) CHECK(static_cast<unsigned char>(c) >= 0x20);
    for (std::size_t i = 0; (i = text.find('\xc2', i)) != std::string::npos; ++i)
      CHECK(static_cast<unsigned char>(text[i + 1]) >= 0xa0); // below are controls: terminals obey them, too
    CHECK(text.find("\u2028") == std::string::npos);
    auto parsed = boost::json::parse(text);
    CHECK(parsed.at("value").as_string() == evil);
  }
}

TEST_CASE("bytes that are no UTF-8 are replaced") {
  using namespace std::string_view_literals;
  for (auto [bytes, shown] : {std::pair{"\x9b"
                                        "31m"sv,
                                        "?31m"sv},
                              {"\xc2"sv, "?"sv},
                              {"a\xc3(b"sv, "a?(b"sv},
                              {"\xed\xa0\x80"sv, "???"sv},
                              {"\xc0\x9b\xff"sv, "???"sv},
                              {"a\0b"sv, "a?b"sv}})
    CHECK(boost::json::parse(line(bytes)).at("value").as_string() == shown);
  CHECK(boost::json::parse(line(std::string(5000, '\x80'))).at("value").is_string());
  const std::string name = "\xff\x9b";
  auto parsed = boost::json::parse(log::format_line(log::level::info, name, name, {{name, "x"}}, 0));
  CHECK(parsed.at("node").as_string() == "??");
  CHECK(parsed.at("event").as_string() == "??");
  CHECK(parsed.at("??").as_string() == "x");
}

TEST_CASE("a number that JSON does not have is null") {
  constexpr auto inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  auto parsed = boost::json::parse(
      log::format_line(log::level::info, "n1", "x", {{"a", inf}, {"b", -inf}, {"c", nan}, {"d", 1e300}}, 0));
  for (const char* key : {"a", "b", "c"}) CHECK(parsed.at(key).is_null());
  CHECK(parsed.at("d").as_double() == 1e300);
}

TEST_CASE("a long value is cut at a whole character") {
  std::string text(1023, 'a');
  text += "\u6f22\u5b57";
  auto parsed = boost::json::parse(line(text));
  CHECK(parsed.at("value").as_string() == std::string(1023, 'a') + "...");
}
