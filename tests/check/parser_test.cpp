// parser_test.cpp: A line is taken only when it is what HISTORY.md says, and the reason names what is wrong.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "src/reel-check/digest.hpp"
#include "src/reel-check/parser.hpp"

using namespace reel::check;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

void refused(const std::string& line, const std::string& because) {
  INFO(line);
  event e;
  CHECK_THROWS_MATCHES(line_parser{}.parse(line, e), format_error, MessageMatches(ContainsSubstring(because)));
}

const std::string member = R"({"op":"member","mono_ns":5,"position":1,"node":"gpu-1","state":"up")";

} // namespace

TEST_CASE("a line gives its fields, remarks are passed over") {
  line_parser p;
  event e;
  const auto line = member + R"(,"x_note":"said \"hello\"","x_n":1})"; // the event points into it
  p.parse(line, e);
  CHECK(e.what == op::member);
  CHECK(e.number(field::mono_ns) == 5);
  CHECK(e.text(field::node) == "gpu-1");
  CHECK(e.choice<state>(field::state) == state::up);
  CHECK_FALSE(e.has(field::job));
  CHECK(e.number(field::fence, 7) == 7);
}

TEST_CASE("one parser reads line after line, with escapes in names and keys") {
  line_parser p;
  event e;
  for (int i = 0; i < 3; ++i) {
    p.parse(R"({"op":"member","mono_ns":5,"position":1,"no\u0064e":"a\"b\u00e9","state":"down"})", e);
    CHECK(e.text(field::node) == "a\"b\xc3\xa9");
    p.parse(R"({"state":"up","node":"n","position":2,"mono_ns":6,"op":"member"})", e);
    CHECK(e.text(field::node) == "n");
    CHECK_THROWS_AS(p.parse("{", e), format_error);
  }
}

TEST_CASE("the type of an operation decides which fields it has") {
  line_parser p;
  event e;
  p.parse(R"({"op":"submit","type":"ok","mono_ns":1,"process":0,"job":"j"})", e);
  CHECK(e.when == phase::ok);
  refused(R"({"op":"submit","type":"invoke","mono_ns":1,"process":0,"job":"j"})", "lacks 'tenant'");
  refused(R"({"op":"submit","mono_ns":1,"process":0,"job":"j"})", "no line 'submit' of this type");
}

TEST_CASE("what is no line of a history is refused with the reason") {
  refused("", "no JSON");
  refused("nonsense", "no JSON");
  refused("7", "an object with 'op'");
  refused("[]", "values are");
  refused("{}", "an object with 'op'");
  refused(member, "no JSON"); // cut off
  refused(member + "} {}", "more than one value");
  refused(member + R"(,"fense":1})", "unknown field 'fense'");
  refused(member + R"(,"fence":1})", "member has no 'fence'");
  refused(member + R"(,"node":"b"})", "'node' twice");
  refused(member + R"(,"x_a":{}})", "values are");
  refused(member + R"(,"x_a":null})", "values are");
  refused(R"({"op":"member","mono_ns":5,"position":1,"node":"a"})", "member lacks 'state'");
  refused(R"({"op":"member","mono_ns":5,"position":1,"node":"a","state":"queued"})", "member has no state 'queued'");
  refused(R"({"op":"member","mono_ns":5,"position":1,"node":"a","state":"nowhere"})", "'state' cannot be 'nowhere'");
  refused(R"({"op":"member","mono_ns":5,"position":1,"node":7,"state":"up"})", "'node' has to be no number");
  refused(R"({"op":"member","mono_ns":"5","position":1,"node":"a","state":"up"})", "'mono_ns' has to be an integer");
  refused(R"({"op":"member","mono_ns":5.5,"position":1,"node":"a","state":"up"})", "integers");
  refused(R"({"op":"member","mono_ns":-5,"position":1,"node":"a","state":"up"})", "0 or more");
  refused(R"({"op":"member","mono_ns":99999999999999999999,"position":1,"node":"a","state":"up"})", "");
  refused(R"({"op":"overload","mono_ns":5,"position":1,"on":"yes"})", "'on' has to be true or false");
  refused(R"({"op":"leaders","mono_ns":5})", "no line 'leaders'");
  refused(R"({"op":"progress","mono_ns":5,"position":1,"job":"j","fence":9999999999})", "'fence' is too large");
  refused(R"({"op":"member","mono_ns":5,"position":1,"state":"up","node":")" + std::string(2000, 'n') + R"("})",
          "'node' is too long");
}

TEST_CASE("digests tell texts apart") {
  CHECK(digest_of("a") == digest_of("a"));
  CHECK(digest_of("a") != digest_of("b"));
  CHECK(digest_of("a") != digest_of(std::string_view{"a\0", 2}));
  CHECK(digest_of("ab", "c") != digest_of("a", "bc"));
  CHECK(digest_of("a", "b") != digest_of("b", "a"));
  CHECK_FALSE(digest_of("").is_nil());
}
