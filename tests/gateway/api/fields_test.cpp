// fields_test.cpp: JSON and forms become the same list of fields; what is not strict JSON is refused.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/gateway/api/fields.hpp"

using namespace reel;
using kind = api_field::kind;

namespace {

std::string refusal(std::string_view body) {
  auto f = read_json_fields(body);
  if (f) return "accepted";
  CHECK(f.error().status == 400);
  CHECK(f.error().code == "invalid_json");
  return f.error().message;
}

} // namespace

TEST_CASE("a JSON object becomes fields, members of an object too") {
  auto f = read_json_fields(
      R"( {"prompt":"a \"cat\" \u00e9","n":-5,"x":1.5,"b":true,"z":null,"m":{"a":"1","b":2},"l":[1,{"q":2}]} )");
  REQUIRE(f);
  REQUIRE(f->size() == 9);
  CHECK((*f)[0] == api_field{.name = "prompt", .what = kind::text, .text = "a \"cat\" é"});
  CHECK((*f)[1] == api_field{.name = "n", .what = kind::integer, .text = "-5", .integer = -5, .real = -5});
  CHECK((*f)[2] == api_field{.name = "x", .what = kind::real, .text = "1.5", .real = 1.5});
  CHECK((*f)[3] == api_field{.name = "b", .what = kind::boolean, .boolean = true});
  CHECK((*f)[4] == api_field{.name = "z"});
  CHECK((*f)[5] == api_field{.name = "m", .what = kind::object});
  CHECK((*f)[6] == api_field{.name = "m", .key = "a", .what = kind::text, .text = "1"});
  CHECK((*f)[7] == api_field{.name = "m", .key = "b", .what = kind::integer, .text = "2", .integer = 2, .real = 2});
  CHECK((*f)[8] == api_field{.name = "l", .what = kind::array});
}

TEST_CASE("anything but one strict JSON object is refused") {
  for (auto bad : {"",
                   " ",
                   "null",
                   "5",
                   "\"a\"",
                   "[]",
                   "{",
                   "{}}",
                   "{}{}",
                   "{} x",
                   "{\"a\":}",
                   "{\"a\":1,}",
                   "{'a':1}",
                   "{\"a\":01}",
                   "{\"a\":NaN}",
                   "{\"a\":Infinity}",
                   "{\"a\":1 /*c*/}",
                   "{a:1}",
                   "{\"a\":\"\t\"}",
                   "{\"a\":\"\xff\"}",
                   "{\"a\":\"\\ud800\"}",
                   "\xef\xbb\xbf{}",
                   "{\"a\":+1}",
                   "{\"a\":tru}"}) {
    INFO(bad);
    CHECK(refusal(bad).starts_with("invalid JSON"));
  }
}

TEST_CASE("a key that comes twice is refused at every level") {
  CHECK(refusal(R"({"a":1,"b":2,"a":3})").find("\"a\" stands there twice") != std::string::npos);
  CHECK(refusal(R"({"m":{"x":1,"x":2}})").find("\"x\" stands there twice") != std::string::npos);
  CHECK(refusal(R"({"m":{"n":[{"x":1,"x":2}]}})").find("\"x\" stands there twice") != std::string::npos);
  CHECK(refusal(R"({"a":1,"\u0061":2})").find("twice") != std::string::npos);
  CHECK(read_json_fields(R"({"m":{"x":1},"n":{"x":1}})"));
}

TEST_CASE("depth and number of keys are bounded") {
  auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  CHECK(read_json_fields(nested(32)));
  CHECK(refusal(nested(33)).starts_with("invalid JSON"));
  CHECK(refusal(nested(100'000)).starts_with("invalid JSON"));
  std::string many = "{\"k0\":0";
  for (int i = 1; i < 65; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  CHECK(refusal(many + "}").find("more than 64 keys") != std::string::npos);
}

TEST_CASE("huge numbers are numbers, not errors of the parser") {
  auto f = read_json_fields(R"({"a":18446744073709551615,"b":1e400,"c":99999999999999999999999})");
  REQUIRE(f);
  for (const auto& one : *f) CHECK(one.what == kind::real);
}

TEST_CASE("a form becomes fields with texts; a field twice is refused") {
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\ncat\r\n"
                           "--b\r\nContent-Disposition: form-data; name=\"metadata[a]\"\r\n\r\n1\r\n"
                           "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n1\r\n--b--\r\n";
  auto f = read_fields("multipart/form-data; boundary=b", body);
  REQUIRE(f);
  REQUIRE(f->size() == 3);
  CHECK((*f)[0] == api_field{.name = "prompt", .what = kind::text, .text = "cat", .from_form = true});
  CHECK((*f)[1] == api_field{.name = "metadata", .key = "a", .what = kind::text, .text = "1", .from_form = true});
  CHECK((*f)[2].what == kind::file);
  const std::string twice = body.substr(0, body.find("--b\r\n", 5)) + body;
  auto bad = read_fields("multipart/form-data; boundary=b", twice);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find("\"prompt\" comes twice") != std::string::npos);
}

TEST_CASE("line ends are the same in every encoding") {
  auto of_form = [](const std::string& name, const std::string& text) {
    return read_form_fields("--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n--b--",
                            "b");
  };
  CHECK((*of_form("prompt", "\r\na\rb\n\r\nc\n\rd\r"))[0].text == "\na\nb\n\nc\n\nd\n");
  CHECK((*read_json_fields(R"({"prompt":"\r\na\rb\n\r\nc\n\rd\r"})"))[0].text == "\na\nb\n\nc\n\nd\n");
  CHECK((*of_form("metadata[a%0D%0Ab]", "x"))[0].key == "a\nb");
  CHECK((*read_json_fields(R"({"metadata":{"a\r\nb":"x"}})"))[1].key == "a\nb");
  CHECK(refusal(R"({"a\r":1,"a\n":2})").find("twice") != std::string::npos);
  auto file =
      read_form_fields("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n\r\n\r\n--b--", "b");
  CHECK((*file)[0].what == kind::file);
}

TEST_CASE("only two content types are known") {
  CHECK(read_fields("Application/JSON; charset=utf-8", "{}"));
  for (auto type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"})
    CHECK(read_fields(type, "{}").error().status == 415);
  CHECK(read_fields("multipart/form-data", "--b--").error().status == 400);
}

TEST_CASE("noise never crashes the JSON reader") {
  REQUIRE(rc::check([](const std::string& noise) {
    (void)read_json_fields(noise);
    (void)read_json_fields("{\"a\":" + noise);
    (void)read_json_fields("{\"a\":\"" + noise + "\"}");
  }));
}
