// server_limits_test.cpp: What the HTTP server does with clients that are slow, silent, too many or not known:
// time-outs (shortened), places, and requests that are refused by their head.
#include <catch2/catch_test_macros.hpp>
#include <mutex>
#include <thread>

#include "tests/gateway/http/server_fixture.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const std::string post_head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ";

/// Answers /hold only when the test says so, everything else at once.
class holding_handler {
public:
  void operator()(const http_request& request, http_reply reply) {
    if (request.target != "/hold") return echo(request, std::move(reply));
    std::lock_guard lock{mutex_};
    held_.push_back(std::move(reply));
  }
  std::size_t held() {
    std::lock_guard lock{mutex_};
    return held_.size();
  }
  void release() {
    std::lock_guard lock{mutex_};
    for (auto& reply : held_) reply.send({});
    held_.clear();
  }

private:
  std::mutex mutex_;
  std::vector<http_reply> held_;
};

template <class Condition> bool wait_until(Condition condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  return condition();
}

} // namespace

// ---------------------------------------------------------------- time

TEST_CASE("a slow header, a silent new connection and an idle old one are ended") {
  auto o = quick();
  o.header_time = 1s;
  o.idle_time = 100ms;
  http_server server{o, echo};
  http_client idle{server.port()};
  CHECK(idle.ask("GET", "/").status == 200);
  http_client slow{server.port()};
  slow.send("GET / HTTP/1.1\r\nHost:");
  http_client silent{server.port()};
  CHECK(slow.answer().status == 408);
  CHECK(slow.closed_by_peer());
  CHECK(silent.closed_by_peer());
  CHECK(idle.closed_by_peer());
}

TEST_CASE("a slow body is ended") {
  auto o = quick();
  o.body_time = 150ms;
  o.bytes_per_s_min = 1'000'000;
  http_server server{o, echo};
  http_client slow{server.port()};
  slow.send(post_head + "100000\r\n\r\nx");
  CHECK(slow.answer().status == 408);
  CHECK(slow.closed_by_peer());
}

TEST_CASE("a body that goes on takes longer than the fixed time") {
  auto o = quick();
  o.body_time = 1s;
  o.bytes_per_s_min = 1; // every byte earns a second
  http_server server{o, echo};
  http_client client{server.port()};
  client.send(post_head + "15\r\n\r\n");
  for (int i = 0; i < 15; ++i) {
    std::this_thread::sleep_for(100ms); // the slowness that is under test
    client.send("!");
  }
  CHECK(client.answer().body == "POST / !!!!!!!!!!!!!!!");
}

TEST_CASE("bytes earn no more than the fixed time: who stops is ended soon, however much has come") {
  auto o = quick();
  o.body_time = 150ms;
  o.bytes_per_s_min = 1;
  http_server server{o, echo};
  http_client client{server.port()};
  client.send(post_head + "100\r\n\r\n" + std::string(99, 'x'));
  CHECK(client.answer().status == 408); // at once, not after 99 seconds: the client waits for ten
}

TEST_CASE("a reader that takes nothing is ended") {
  auto o = quick();
  o.write_time = 100ms;
  o.bytes_per_s_min = 1'000'000'000;
  http_server server{o, [](const http_request&, http_reply reply) {
                       http_response r;
                       r.body.assign(64u << 20, 'x');
                       reply.send(std::move(r));
                     }};
  http_client client{server.port()};
  client.small_receive_buffer();
  client.send(get);
  for (int i = 0; i < 5000 && server.connections() > 0; ++i) std::this_thread::sleep_for(1ms);
  CHECK(server.connections() == 0);
}

TEST_CASE("a reader that stops is ended soon, however much it has taken") {
  auto o = quick();
  o.write_time = 150ms;
  o.bytes_per_s_min = 1;
  http_server server{o, [](const http_request&, http_reply reply) {
                       http_response r;
                       r.body.assign(64u << 20, 'x');
                       reply.send(std::move(r));
                     }};
  http_client client{server.port()};
  client.send(get);
  client.read_until("\r\n\r\n");
  CHECK(wait_until([&] { return server.connections() == 0; }));
}

TEST_CASE("a request that nobody answers is answered in time, and its late answer is dropped") {
  auto o = quick();
  o.answer_time = 100ms;
  std::atomic<int> refused{0};
  o.refused = [&](int) { ++refused; };
  std::vector<http_reply> late;
  http_server server{o, [&](const http_request& request, http_reply reply) {
                       if (request.target == "/late")
                         late.push_back(std::move(reply));
                       else
                         echo(request, std::move(reply));
                     }};
  http_client client{server.port()};
  auto a = client.ask("GET", "/late");
  CHECK(a.status == 503);
  CHECK(a.header("retry-after") == "2");
  CHECK(a.header("x-should-retry").empty());
  CHECK(a.body.find("\"code\":\"timeout\"") != std::string::npos);
  CHECK(refused == 1);
  http_client next{server.port()};
  CHECK(next.ask("GET", "/b").status == 200);
  for (auto& reply : late) reply.send({});
  CHECK(next.ask("GET", "/c").body == "GET /c ");
}

TEST_CASE("what makes something new and was not answered in time is not repeated by an SDK, unless it has a key") {
  auto o = quick();
  o.answer_time = 100ms;
  holding_handler handler;
  http_server server{o, std::ref(handler)};
  http_client client{server.port()};
  CHECK(client.ask("POST", "/hold").header("x-should-retry") == "false");
  CHECK(http_client{server.port()}.ask("POST", "/hold", "Idempotency-Key: k\r\n").header("x-should-retry").empty());
}

// ---------------------------------------------------------------- places

TEST_CASE("when all connections are busy a newcomer reads why it is turned away, and places come free again") {
  auto o = quick();
  o.connections_max = 2;
  std::atomic<int> refused{0};
  o.refused = [&](int status) { refused += status == 503; };
  holding_handler handler;
  http_server server{o, std::ref(handler)};
  http_client a{server.port()}, b{server.port()};
  for (auto* busy : {&a, &b}) busy->send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(wait_until([&] { return handler.held() == 2; }));
  {
    http_client c{server.port()};
    auto turned_away = c.ask("POST", "/", {}, std::string(10'000, 'x')); // unread bytes must not destroy the answer
    CHECK(turned_away.status == 503);
    CHECK(turned_away.header("retry-after") == "2");
    CHECK(turned_away.header("x-request-id").starts_with("req_"));
    CHECK(turned_away.header("connection") == "close");
    CHECK(turned_away.body.find("too many connections") != std::string::npos);
    CHECK(c.closed_by_peer());
  }
  CHECK(refused == 1);
  handler.release();
  CHECK(a.answer().status == 200);
  CHECK(b.answer().status == 200);
  REQUIRE(wait_until([&] { return server.connections() == 2; }));
  http_client d{server.port()};
  CHECK(d.ask("GET", "/").status == 200); // in the place of one that idles
}

TEST_CASE("when all places are taken, who has waited longest without a request makes place") {
  auto o = quick();
  o.connections_max = 3;
  holding_handler handler;
  http_server server{o, std::ref(handler)};
  http_client busy{server.port()};
  busy.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(wait_until([&] { return handler.held() == 1; }));
  http_client slow{server.port()};
  slow.send("GET / HTTP/1.1\r\nHost:");
  http_client idle{server.port()};
  CHECK(idle.ask("GET", "/").status == 200);

  http_client first{server.port()};
  CHECK(first.ask("GET", "/1").status == 200);
  CHECK(slow.closed_by_peer());
  http_client second{server.port()};
  CHECK(second.ask("GET", "/2").status == 200);
  CHECK(idle.closed_by_peer());
  handler.release();
  CHECK(busy.answer().status == 200);
}

TEST_CASE("a thousand silent connections lock nobody out") {
  auto o = quick();
  o.threads = 2;
  o.connections_max = 16;
  http_server server{o, echo};
  std::vector<std::unique_ptr<http_client>> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.push_back(std::make_unique<http_client>(server.port()));
    if (i % 50 == 0) CHECK(http_client{server.port()}.ask("GET", "/").status == 200);
  }
  CHECK(wait_until([&] { return server.connections() <= 16; }));
  CHECK(silent.front()->closed_by_peer());
}

// ---------------------------------------------------------------- refused by the head

TEST_CASE("a request that its head disqualifies is answered before its body is asked for or read") {
  auto o = quick();
  std::atomic<int> heads{0};
  o.check_head = [&](const http_request& head) -> std::optional<http_response> {
    ++heads;
    if (head.header("x-key") == "right") return {};
    return http_response{.status = 401, .body = "no key"};
  };
  http_server server{o, echo};
  for (const std::string more : {"Expect: 100-continue\r\n", ""}) {
    http_client client{server.port()};
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n" + more + "\r\n");
    auto a = client.answer();
    CHECK(a.status == 401);
    CHECK(a.body == "no key");
    CHECK(a.header("connection") == "close");
    CHECK(client.closed_by_peer());
  }
  http_client chunked{server.port()};
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n");
  CHECK(chunked.answer().status == 401);
  CHECK(heads == 3);

  http_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nX-Key: right\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(client.answer().status == 100);
  client.send("hello");
  CHECK(client.answer().body == "POST / hello");
  CHECK(heads == 4);
  CHECK(client.ask("GET", "/a").body == "GET /a "); // without a body to come only the handler sees it
  CHECK(heads == 4);
}

TEST_CASE("a head check that throws costs one 500") {
  auto o = quick();
  o.check_head = [](const http_request&) -> std::optional<http_response> { throw std::runtime_error{"bug"}; };
  http_server server{o, echo};
  http_client client{server.port()};
  client.send(post_head + "5\r\n\r\n");
  CHECK(client.answer().status == 500);
}
