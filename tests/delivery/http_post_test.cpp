// http_post_test.cpp: Posts over real sockets on loopback: what arrives, what is refused before it is connected to, and
// that no redirect is followed.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "actors/delivery/http_post.hpp"
#include "tests/support/webhook_receiver.hpp"

using namespace reel;
using namespace reel::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

http_poster_options to_loopback(std::chrono::milliseconds timeout = 10s) {
  return {timeout, webhook_targets{{*parse_ip_network("127.0.0.0/8")}}};
}

} // namespace

TEST_CASE("a post arrives with its headers and bytes, and its status comes back") {
  webhook_receiver receiver{[](const received&) { return "202"; }};
  const http_poster poster{to_loopback()};
  const http_post p{
      receiver.url("/a?b=c"), {{"webhook-id", "video_1/1"}, {"content-type", "application/json"}}, "{}\n"};
  CHECK(poster.post(p) == post_answer{202, ""});
  REQUIRE(receiver.all().size() == 1);
  const auto got = receiver.all()[0];
  CHECK(got.path == "/a?b=c");
  CHECK(got.id() == "video_1/1");
  CHECK(got.headers.at("content-type") == "application/json");
  CHECK(got.body == "{}\n");
}

TEST_CASE("an address that is not allowed is not connected to, under a name neither") {
  webhook_receiver receiver{[](const received&) { return "200"; }};
  const http_poster poster{{10s, {}}};
  const auto port = receiver.url("").substr(std::string{"http://127.0.0.1"}.size());
  for (const auto& host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"}) {
    INFO(host);
    const auto answer = poster.post({std::string{"http://"} + host + port + "/", {}, "{}"});
    CHECK(answer.status == 0);
    CHECK_THAT(answer.trouble, ContainsSubstring("private or reserved"));
  }
  CHECK(receiver.all().empty());
}

TEST_CASE("a redirect is an answer like any other: nobody follows it") {
  webhook_receiver receiver{
      [](const received& r) { return r.path == "/done" ? "302\r\nLocation: /elsewhere" : "200"; }};
  const http_poster poster{to_loopback()};
  CHECK(poster.post({receiver.url(), {}, "{}"}).status == 302);
  CHECK(receiver.all().size() == 1);
}

TEST_CASE("other protocols are not spoken") {
  const http_poster poster{to_loopback()};
  for (auto* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/x"})
    CHECK(poster.post({url, {}, "{}"}).status == 0);
}

TEST_CASE("no answer in time, a closed connection and nobody there are no status") {
  std::atomic<bool> over{false};
  webhook_receiver slow{[&over](const received&) {
    while (!over) std::this_thread::yield();
    return "";
  }};
  CHECK(http_poster{to_loopback(300ms)}.post({slow.url(), {}, "{}"}).status == 0);
  over = true;
  webhook_receiver closing{[](const received&) { return ""; }};
  const http_poster poster{to_loopback()};
  CHECK(poster.post({closing.url(), {}, "{}"}).status == 0);
  CHECK(poster.post({"http://127.0.0.1:1/", {}, "{}"}).status == 0);
}

TEST_CASE("a poster that is told to stop ends what is under way, and begins nothing") {
  std::atomic<bool> over{false};
  webhook_receiver slow{[&over](const received&) {
    while (!over) std::this_thread::yield();
    return "200";
  }};
  http_poster poster{to_loopback(5min)};
  post_answer answer{200, ""};
  std::thread posting{[&] { answer = poster.post({slow.url(), {}, "{}"}); }};
  while (slow.all().empty()) std::this_thread::yield();
  poster.stop();
  posting.join();
  over = true;
  CHECK(answer.status == 0);
  CHECK(poster.post({slow.url(), {}, "{}"}) == post_answer{0, "stopping"});
}
