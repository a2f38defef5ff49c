// multipart_test.cpp: What is built comes back, whatever is in it; what is broken anywhere is refused, never
// half read.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/gateway/http/multipart.hpp"

using namespace reel;

namespace {

std::string part(const std::string& name, const std::string& content, const std::string& more = {}) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + content + "\r\n";
}
const std::string end = "--XX--\r\n";

} // namespace

TEST_CASE("fields and files come back") {
  auto body = part("prompt", "a\r\ncat") + part("metadata[a]", "") +
              part("input_reference", "PNG", "; filename=\"a \\\"b\\\".png\"\r\nContent-Type: image/png") + end;
  auto parts = parse_multipart(body, "XX");
  REQUIRE(parts);
  REQUIRE(parts->size() == 3);
  CHECK((*parts)[0] == form_part{"prompt", {}, "a\r\ncat"});
  CHECK((*parts)[1] == form_part{"metadata[a]", {}, ""});
  CHECK((*parts)[2] == form_part{"input_reference", "a \"b\".png", "PNG"});
}

TEST_CASE("what clients escape in a name is read back, and nothing else") {
  auto body = part("a%22b%0D%0Ac%0d%25%2", "x") + part("%", "y", "; filename=\"%22.png\"") + end;
  auto parts = parse_multipart(body, "XX");
  REQUIRE(parts);
  CHECK((*parts)[0].name == "a\"b\r\nc%0d%25%2");
  CHECK((*parts)[1] == form_part{"%", "\".png", "y"});
}

TEST_CASE("no parts, and no line end at the end, are fine") {
  CHECK(parse_multipart("--XX--", "XX")->empty());
  CHECK(parse_multipart(part("a", "b") + "--XX--", "XX")->size() == 1);
}

TEST_CASE("broken bodies are refused with a reason") {
  std::string many;
  for (int i = 0; i < 65; ++i) many += part("a" + std::to_string(i), "x");
  for (const auto& bad : {std::string{},
                          std::string{"hello"},
                          std::string{"--YY--"},
                          "x" + part("a", "b") + end,
                          part("a", "b"),
                          part("a", "b") + "--XX",
                          part("a", "b") + "--XXjunk\r\n",
                          part("a", "b") + end + "more",
                          std::string{"--XX\r\n\r\nno name\r\n"} + end,
                          part("", "empty name") + end,
                          "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n" + end,
                          "--XX\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx\r\n" + end,
                          "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n" + end,
                          "--XX\r\nContent-Disposition: form-data; name=\"a\"; odd=1\r\n\r\nx\r\n" + end,
                          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; "
                          "name=\"b\"\r\n\r\nx\r\n" +
                              end,
                          part("a", "b", "\r\nContent-Transfer-Encoding: base64") + end,
                          part("a", "b", "\r\nX-Odd: 1") + end,
                          part("a", "b", "\r\nno colon") + end,
                          part(std::string(300, 'a'), "b") + end,
                          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: " +
                              std::string(5000, 'x') + "\r\n\r\nx\r\n" + end,
                          many + end}) {
    INFO(bad.substr(0, 200));
    auto parts = parse_multipart(bad, "XX");
    REQUIRE_FALSE(parts);
    CHECK(parts.error().starts_with("multipart/form-data: "));
  }
  for (auto boundary : {"", "a b ", "a\"b", "\xc3\xa9"}) CHECK_FALSE(parse_multipart(end, boundary));
  CHECK_FALSE(parse_multipart(end, std::string(71, 'a')));
}

TEST_CASE("a boundary is found in a content type, quoted or not") {
  CHECK(header_parameter("multipart/form-data; boundary=abc", "boundary") == "abc");
  CHECK(header_parameter("multipart/form-data; charset=utf-8; Boundary=\"a b\"", "boundary") == "a b");
  CHECK(header_parameter("multipart/form-data;boundary=abc ; x=1", "boundary") == "abc");
  CHECK_FALSE(header_parameter("multipart/form-data", "boundary"));
  CHECK_FALSE(header_parameter("multipart/form-data; boundary=\"abc", "boundary"));
}

TEST_CASE("any content that does not hold the boundary comes back unchanged") {
  REQUIRE(rc::check([](const std::vector<std::string>& contents) {
    std::string body;
    std::vector<std::string> sent;
    for (const auto& c : contents) {
      if (sent.size() == 64 || c.find("--XX") != std::string::npos) continue;
      body += part("f" + std::to_string(sent.size()), c);
      sent.push_back(c);
    }
    body += end;
    auto parts = parse_multipart(body, "XX");
    RC_ASSERT(parts.has_value());
    RC_ASSERT(parts->size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) RC_ASSERT((*parts)[i].content == sent[i]);
  }));
}

TEST_CASE("a damaged body is either refused or still whole parts") {
  const auto body = part("prompt", "a cat") + part("size", "64x48") + end;
  REQUIRE(rc::check([&] {
    auto damaged = body;
    auto at = static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(body.size())));
    switch (*rc::gen::inRange(0, 3)) {
    case 0: damaged[at] = static_cast<char>(*rc::gen::inRange(0, 256)); break;
    case 1: damaged.erase(at, 1); break;
    default: damaged.resize(at);
    }
    auto parts = parse_multipart(damaged, "XX");
    if (parts)
      for (const auto& p : *parts) RC_ASSERT(damaged.find(p.content) != std::string::npos && !p.name.empty());
  }));
}
