// server_test.cpp: The HTTP server by itself on a loopback port, with handlers of the test: order, sizes, streams,
// stopping. What it does with those who are slow, silent or too many is in server_limits_test.cpp.
#include <catch2/catch_test_macros.hpp>
#include <latch>
#include <mutex>
#include <thread>

#include "tests/gateway/http/server_fixture.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// Gives what the test puts in, piece by piece.
class scripted_stream final : public body_stream {
public:
  explicit scripted_stream(std::vector<std::string> pieces, std::function<void()> on_end = {})
      : pieces_{std::move(pieces)}, on_end_{std::move(on_end)} {}
  ~scripted_stream() override {
    if (on_end_) on_end_();
  }
  void next(std::function<void(chunk)> reply) override {
    if (at_ < pieces_.size())
      reply(blob::copy_of(pieces_[at_++]));
    else if (!on_end_)
      reply(blob{});
    // with an on_end it stays open until somebody ends it
  }
  std::string heartbeat() override { return ": beat\n"; }

private:
  std::vector<std::string> pieces_;
  std::function<void()> on_end_;
  std::size_t at_ = 0;
};

} // namespace

TEST_CASE("requests on one connection are answered one after the other") {
  http_server server{quick(), echo};
  http_client client{server.port()};
  for (int i = 0; i < 3; ++i) {
    auto a = client.ask("POST", "/" + std::to_string(i), {}, "body");
    CHECK(a.status == 200);
    CHECK(a.body == "POST /" + std::to_string(i) + " body");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("pipelined requests are answered in their order, even when the first takes longer") {
  std::mutex mutex;
  std::vector<std::thread> threads;
  http_server server{quick(), [&](const http_request& request, http_reply reply) {
                       http_response r;
                       r.body = request.target;
                       if (request.target != "/0") return reply.send(std::move(r));
                       std::lock_guard lock{mutex};
                       threads.emplace_back([reply, r]() mutable { reply.send(std::move(r)); });
                     }};
  http_client client{server.port()};
  std::string all;
  for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  REQUIRE(client.send(all));
  for (int i = 0; i < 100; ++i) REQUIRE(client.answer().body == "/" + std::to_string(i));
  for (auto& t : threads) t.join();
}

TEST_CASE("answers from many threads reach their own connections") {
  constexpr int clients = 16, requests = 50;
  std::mutex mutex;
  std::vector<std::pair<http_reply, std::string>> waiting;
  std::atomic<bool> ending{false};
  auto o = quick();
  o.threads = 3;
  http_server server{o, [&](const http_request& request, http_reply reply) {
                       std::lock_guard lock{mutex};
                       waiting.emplace_back(std::move(reply), request.target);
                     }};
  std::vector<std::thread> workers;
  for (int w = 0; w < 2; ++w)
    workers.emplace_back([&] {
      while (!ending) {
        std::vector<std::pair<http_reply, std::string>> some;
        {
          std::lock_guard lock{mutex};
          some.swap(waiting);
        }
        if (some.empty()) std::this_thread::yield();
        for (auto& [reply, target] : some) {
          http_response r;
          r.body = target;
          reply.send(r);
          reply.send(std::move(r)); // the second answer must not reach the next request
        }
      }
    });
  std::atomic<int> right{0};
  std::vector<std::thread> all;
  for (int c = 0; c < clients; ++c)
    all.emplace_back([&, c] {
      http_client client{server.port()};
      for (int i = 0; i < requests; ++i) {
        auto target = "/" + std::to_string(c) + "/" + std::to_string(i);
        if (client.ask("GET", target).body == target) ++right;
      }
    });
  for (auto& t : all) t.join();
  ending = true;
  for (auto& t : workers) t.join();
  CHECK(right == clients * requests);
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection after the answer") {
  http_server server{quick(), echo};
  http_client old{server.port()};
  old.send("GET /a HTTP/1.0\r\n\r\n");
  CHECK(old.answer().body == "GET /a ");
  CHECK(old.closed_by_peer());
  http_client once{server.port()};
  CHECK(once.ask("GET", "/b", "Connection: close\r\n").header("connection") == "close");
  CHECK(once.closed_by_peer());
  http_client kept{server.port()};
  kept.send("GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(kept.answer().header("connection") == "keep-alive");
  CHECK(kept.ask("GET", "/d").status == 200);
}

TEST_CASE("HEAD has the length but not the body") {
  http_server server{quick(), echo};
  http_client client{server.port()};
  auto a = client.ask("HEAD", "/a");
  CHECK(a.header("content-length") == "8");
  CHECK(client.ask("GET", "/a").body == "GET /a ");
}

TEST_CASE("a client that waits for 100 Continue gets it, one with too large a body does not") {
  http_server server{quick(), echo};
  http_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.answer().status == 100);
  client.send("hello");
  CHECK(client.answer().body == "POST / hello");
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.answer().status == 413);
  CHECK(client.closed_by_peer());
}

TEST_CASE("chunked bodies are read") {
  http_server server{quick(), echo};
  http_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
  CHECK(client.answer().body == "POST / hello");
}

TEST_CASE("a body up to the limit passes, one byte more is refused while it is still being sent") {
  http_server server{quick(), [](const http_request& request, http_reply reply) {
                       http_response r;
                       r.body = std::to_string(request.body.size());
                       reply.send(std::move(r));
                     }};
  http_client client{server.port()};
  CHECK(client.ask("POST", "/", {}, std::string(1 << 20, 'x')).body == "1048576");
  auto a = client.ask("POST", "/", {}, std::string((1 << 20) + 1, 'x'));
  CHECK(a.status == 413);
  CHECK(a.body.find("too large") != std::string::npos);
}

TEST_CASE("smuggled requests get 400 and the connection ends with them") {
  std::atomic<int> handled{0};
  http_server server{quick(), [&](const http_request& request, http_reply reply) {
                       ++handled;
                       echo(request, std::move(reply));
                     }};
  const std::string hidden = "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const auto& attack :
       {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n" + hidden,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" + hidden,
        "POST / HTTP/1.1\r\nHost: x\r\nX: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden}) {
    INFO(attack);
    http_client client{server.port()};
    client.send(attack);
    CHECK(client.answer().status == 400);
    CHECK(client.closed_by_peer());
  }
  CHECK(handled == 0);
}

TEST_CASE("a handler that throws costs one 500") {
  http_server server{quick(), [](const http_request&, http_reply) { throw std::runtime_error{"bug"}; }};
  http_client client{server.port()};
  auto a = client.ask("GET", "/");
  CHECK(a.status == 500);
  CHECK(a.body.find("bug") == std::string::npos);
}

TEST_CASE("a stream of known length is sent whole, one that breaks off is cut") {
  http_server server{quick(), [](const http_request& request, http_reply reply) {
                       http_response r;
                       r.stream = std::make_shared<scripted_stream>(std::vector<std::string>{"abc", "de", "f"});
                       r.stream_bytes = request.target == "/short" ? 100 : 6;
                       reply.send(std::move(r));
                     }};
  http_client client{server.port()};
  CHECK(client.ask("GET", "/").body == "abcdef");
  CHECK(client.ask("GET", "/").body == "abcdef");
  CHECK(client.ask("GET", "/short").status == 0);
}

TEST_CASE("an endless stream comes in chunks with heartbeats, and its end is noticed when the client goes") {
  std::atomic<int> ended{0};
  auto o = quick();
  o.heartbeat_time = 50ms;
  http_server server{o, [&](const http_request&, http_reply reply) {
                       http_response r;
                       r.stream =
                           std::make_shared<scripted_stream>(std::vector<std::string>{"one\n"}, [&] { ++ended; });
                       r.stream_endless = true;
                       reply.send(std::move(r));
                     }};
  {
    http_client client{server.port()};
    client.send(get);
    CHECK(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked") != std::string::npos);
    CHECK(client.read_until("\n\r\n") == "4\r\none\n\r\n");
    CHECK(client.read_until("\n\r\n") == "7\r\n: beat\n\r\n");
    CHECK(ended == 0);
  }
  for (int i = 0; i < 5000 && ended == 0; ++i) std::this_thread::sleep_for(1ms);
  CHECK(ended == 1);
}

TEST_CASE("stopping lets a running request finish and refuses new ones") {
  std::latch begun{1}, go{1};
  std::thread answering;
  auto server = std::make_unique<http_server>(quick(), [&](const http_request&, http_reply reply) {
    answering = std::thread{[&, reply] {
      begun.count_down();
      go.wait();
      http_response r;
      r.body = "done";
      reply.send(std::move(r));
    }};
  });
  auto port = server->port();
  http_client client{port}, idle{port};
  client.send(get);
  begun.wait();
  std::thread stopping{[&] { server->stop(); }};
  CHECK(idle.closed_by_peer());
  CHECK_THROWS(http_client{port});
  go.count_down();
  auto a = client.answer();
  CHECK(a.body == "done");
  CHECK(a.header("connection") == "close");
  stopping.join();
  answering.join();
}

TEST_CASE("stopping does not wait for ever, and a reply may outlive the server") {
  std::vector<http_reply> kept;
  std::latch begun{1};
  {
    http_server server{quick(), [&](const http_request&, http_reply reply) {
                         kept.push_back(std::move(reply));
                         begun.count_down();
                       }};
    http_client client{server.port()};
    client.send(get);
    begun.wait();
    server.stop();
    server.stop();
    CHECK(client.answer().status == 0);
  }
  for (auto& reply : kept) {
    reply.send({});
    reply.post([] { FAIL("ran"); });
  }
}

TEST_CASE("a port that is taken, and an address that is none, are named") {
  http_server first{quick(), echo};
  auto o = quick();
  o.port = first.port();
  try {
    http_server second{o, echo};
    FAIL("bound twice");
  } catch (const std::runtime_error& e) {
    CHECK(std::string{e.what()} ==
          "cannot listen on 127.0.0.1:" + std::to_string(first.port()) + ": Address already in use");
  }
  o.address = "localhost.example";
  CHECK_THROWS_AS(http_server(o, echo), std::runtime_error);
}
