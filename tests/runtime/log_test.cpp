// log_test.cpp: Every line is one JSON object, whatever is logged.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

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
  for (std::string_view evil : {"a\r\nb", "\x1b[31m", "\"}{\"", "\\", "\u2028\u2029", "\x7f"}) {
    auto text = line(evil);
    for (char c : text) CHECK(static_cast<unsigned char>(c) >= 0x20);
    CHECK(text.find("\u2028") == std::string::npos);
    auto parsed = boost::json::parse(text);
    CHECK(parsed.at("value").as_string() == evil);
  }
}

TEST_CASE("a long value is cut at a whole character") {
  std::string text(1023, 'a');
  text += "\u6f22\u5b57";
  auto parsed = boost::json::parse(line(text));
  CHECK(parsed.at("value").as_string() == std::string(1023, 'a') + "...");
}
