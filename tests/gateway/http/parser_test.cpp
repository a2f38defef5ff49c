// parser_test.cpp: What is a request, what is refused and with which status; in one piece and in any pieces.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/gateway/http/parser.hpp"

using namespace reel;
using stage = http_parser::stage;

namespace {

/// Feeds pieces as a connection does: what was not taken is given again with more behind it.
stage feed_in_pieces(http_parser& parser, std::string_view text, const std::vector<std::size_t>& cuts) {
  std::string held;
  std::size_t at = 0, cut = 0;
  while (parser.at() != stage::complete && parser.at() != stage::refused && (at < text.size() || !held.empty())) {
    auto piece = cut < cuts.size() ? std::min(cuts[cut++], text.size() - at) : text.size() - at;
    held += text.substr(at, piece);
    at += piece;
    auto taken = parser.feed(held);
    held.erase(0, taken);
    if (at == text.size() && taken == 0) break;
  }
  return parser.at();
}

int status_of(std::string_view text, http_parser::options o = {}) {
  http_parser parser{o};
  feed_in_pieces(parser, text, {});
  return parser.at() == stage::refused ? parser.refusal_status() : 0;
}

const std::string good =
    "POST /v1/videos?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-A: 1\r\nX-Empty:\r\n\r\nhello";
const std::string chunked_head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

} // namespace

TEST_CASE("a request is read as it was sent") {
  http_parser parser{{}};
  CHECK(parser.feed(good + "GET ") == good.size());
  REQUIRE(parser.at() == stage::complete);
  const auto& r = parser.request();
  CHECK(r.method == http_method::post);
  CHECK(r.target == "/v1/videos?a=b");
  CHECK(r.header("x-a") == "1");
  CHECK(r.header("HOST") == "x");
  CHECK(r.header("x-empty").empty());
  CHECK(r.count("x-empty") == 1);
  CHECK(r.body == "hello");
  CHECK(r.keep_alive);
}

TEST_CASE("a request in any pieces is the same request") {
  const std::pair<std::string, std::string> requests[] = {
      {good, "hello"},
      {chunked_head + "3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n", "hello"},
      {chunked_head + "3\r\n0\r\n\r\n0\r\n\r\n", "0\r\n"},
      {chunked_head + "0\r\n\r\n", ""},
      {chunked_head + "000;ext=1\r\n\r\n", ""},
  };
  for (const auto& [text, body] : requests) { // byte by byte, and with one cut at every place
    std::vector<std::vector<std::size_t>> all{std::vector<std::size_t>(text.size(), 1)};
    for (std::size_t at = 1; at < text.size(); ++at) all.push_back({at});
    for (const auto& cuts : all) {
      http_parser parser{{}};
      REQUIRE(feed_in_pieces(parser, text, cuts) == stage::complete);
      CHECK(parser.request().body == body);
    }
  }
  REQUIRE(rc::check([&](const std::vector<std::uint8_t>& sizes, bool small) {
    std::vector<std::size_t> cuts;
    for (auto size : sizes) cuts.push_back(small ? size % 5 : size);
    for (const auto& [text, body] : requests) {
      http_parser parser{{}};
      RC_ASSERT(feed_in_pieces(parser, text, cuts) == stage::complete);
      RC_ASSERT(parser.request().body == body);
      RC_ASSERT(parser.request().header("host") == "x");
    }
  }));
}

TEST_CASE("an empty chunked body whose few bytes come one by one is waited for") {
  http_parser parser{{}};
  CHECK(feed_in_pieces(parser, chunked_head + "0\r\n\r\n", {chunked_head.size(), 3, 1, 1}) == stage::complete);
  CHECK(parser.request().body.empty());
}

TEST_CASE("whatever stands where chunks are expected, in any pieces, is refused or waited for") {
  REQUIRE(rc::check([](const std::vector<std::uint8_t>& sizes) {
    auto one = rc::gen::elementOf(std::vector<std::string>{"0", "1", "a", "\r", "\n", "\r\n", ";", "x", " ", ":"});
    std::string text = chunked_head;
    for (const auto& piece : *rc::gen::container<std::vector<std::string>>(one)) text += piece;
    std::vector<std::size_t> cuts{chunked_head.size()};
    for (auto size : sizes) cuts.push_back(size % 4);
    http_parser parser{{}};
    feed_in_pieces(parser, text, cuts);
    RC_ASSERT(parser.request().body.size() <= text.size());
  }));
}

TEST_CASE("a parser starts over for the next request") {
  http_parser parser{{}};
  parser.feed(good);
  parser.reset();
  parser.feed("GET /b HTTP/1.0\r\n\r\n");
  REQUIRE(parser.at() == stage::complete);
  CHECK(parser.request().target == "/b");
  CHECK(parser.request().body.empty());
  CHECK(parser.request().fields() == 0);
  CHECK(parser.request().http_1_0);
  CHECK_FALSE(parser.request().keep_alive);
}

TEST_CASE("whatever two parties could read in two ways is refused") {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  for (const auto& bad : {
           head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
           head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
           head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
           head + "Content-Length: 5, 5\r\n\r\nhello",
           head + "Content-Length: +5\r\n\r\nhello",
           head + "Content-Length: 0x5\r\n\r\nhello",
           head + "Content-Length: -1\r\n\r\n",
           head + "Content-Length:\r\n\r\n",
           head + "Content-Length: 99999999999999999999\r\n\r\n",
           head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
           head + "Transfer-Encoding: identity\r\n\r\n",
           head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
           head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
           head + "Content-Length : 5\r\n\r\nhello",
           head + "X-A: 1\r\n folded\r\n\r\n",
           head + "X-A: 1\r\n \r\n\r\n",
           head + "X-A:\r\n \r\n\r\n",
           head + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
           head + " X-A: 1\r\n\r\n",
           head + "X-A: 1\nX-B: 2\r\n\r\n",
           head + "X-A: a\rb\r\n\r\n",
           head + std::string{"X-A: a\0b\r\n\r\n", 12},
           head + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: 5\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\nz\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
           head + "Host: y\r\n\r\n",
           std::string{"GET / HTTP/1.1\r\n\r\n"},
           std::string{"GET / HTTP/1.1\nHost: x\n\n"},
           std::string{"GET /\r\n\r\n"},
           std::string{"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"},
           std::string{"GET / a HTTP/1.1\r\nHost: x\r\n\r\n"},
           std::string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15},
       }) {
    INFO(bad);
    auto status = status_of(bad);
    CHECK((status == 400 || status == 505));
  }
  CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
}

TEST_CASE("sizes beyond the limits have a status of their own") {
  const std::string big(20'000, 'a');
  CHECK(status_of("GET /" + big + " HTTP/1.1\r\nHost: x\r\n\r\n") == 414);
  CHECK(status_of("GET /" + big.substr(0, 5000) + " HTTP/1.1\r\nHost: x\r\n\r\n") == 414);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nX: " + big + "\r\n\r\n") == 431);
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 200; ++i) many += "a: b\r\n";
  CHECK(status_of(many + "\r\n") == 431);
  CHECK(status_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n") == 413);
  CHECK(status_of("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n") == 413);
  CHECK(status_of("GET / HTTP/2.0\r\nHost: x\r\n\r\n") == 505);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n") == 417);
}

TEST_CASE("a header that dribbles in cannot grow beyond its limit") {
  http_parser parser{{}};
  std::string held = "GET / HTTP/1.1\r\nHost: x\r\n";
  int fed = 0;
  for (; parser.at() == stage::head && fed < 100; ++fed) {
    held.erase(0, parser.feed(held));
    held += "X: " + std::string(1000, 'a') + "\r\n";
  }
  CHECK(parser.refusal_status() == 431);
  CHECK(fed <= 18);
}

TEST_CASE("100-continue is known as soon as the head is there") {
  http_parser parser{{}};
  parser.feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(parser.at() == stage::body);
  CHECK(parser.expects_continue());
}

TEST_CASE("garbage of any kind is refused or waited for, never taken for a request") {
  REQUIRE(rc::check([](const std::string& noise) {
    http_parser parser{{}};
    feed_in_pieces(parser, noise, {});
    RC_ASSERT(parser.at() != stage::complete);
  }));
}
