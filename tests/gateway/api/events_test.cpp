// events_test.cpp: Server-sent events: the state first, then changes and progress, the end after the last
// state; lost updates heal; a client that goes leaves no watch behind.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/gateway_fixture.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct event {
  std::string kind;
  boost::json::object video;
};

/// Reads the next event; comments are skipped.
event next(http_client& client) {
  for (;;) {
    auto chunk = client.read_until("\n\n");
    if (!chunk.ends_with("\n\n")) return {"closed", {}};
    auto at = chunk.find("event: "), data = chunk.find("\ndata: ");
    if (at == std::string::npos || data == std::string::npos) continue;
    auto text = chunk.substr(data + 7);
    return {chunk.substr(at + 7, data - at - 7), boost::json::parse(text.substr(0, text.size() - 2)).as_object()};
  }
}

void subscribe(http_client& client, const gateway_fixture& g, const job_id& id) {
  client.send("GET /v1/videos/" + to_string(id) + "/events HTTP/1.1\r\nHost: x\r\n" + g.auth() + "\r\n");
  CHECK(client.read_until("\r\n\r\n").find("text/event-stream") != std::string::npos);
}

std::string status(const event& e) { return std::string{e.video.at("status").as_string()}; }

} // namespace

TEST_CASE("a job is followed from the queue to its end") {
  gateway_fixture g;
  auto id = g.make_job();
  http_client client{g.server->port()};
  subscribe(client, g, id);
  auto first = next(client);
  CHECK(first.kind == "status");
  CHECK(status(first) == "queued");

  g.line->start(id);
  auto started = next(client);
  CHECK(started.kind == "status");
  CHECK(status(started) == "in_progress");

  g.line->set_live(id, job_live{.phase = run_phase::denoising, .step = 10, .steps_total = 40});
  auto moving = next(client);
  CHECK(moving.kind == "progress");
  CHECK(moving.video.at("reel").at("step").as_int64() == 10);
  CHECK(moving.video.at("progress").as_int64() == 23);

  g.line->finish(id, "video", "png");
  auto end = next(client);
  CHECK(end.kind == "status");
  CHECK(status(end) == "completed");
  CHECK(next(client).kind == "closed");
  CHECK(gateway_fixture::wait_until([&] { return g.line->watches() == 0; }));
}

TEST_CASE("a job that has ended gives one event and the end") {
  gateway_fixture g;
  auto id = g.make_job();
  g.ask("POST", "/v1/videos/" + to_string(id) + "/cancel");
  auto a = g.ask("GET", "/v1/videos/" + to_string(id) + "/events");
  CHECK(a.status == 200);
  CHECK(a.body.starts_with("event: status\ndata: {"));
  CHECK(a.body.find("\"code\":\"cancelled\"") != std::string::npos);
  CHECK(a.body.find("event:", 5) == std::string::npos);
}

TEST_CASE("a client that goes away leaves no watch behind") {
  gateway_fixture g;
  auto id = g.make_job();
  {
    http_client client{g.server->port()};
    subscribe(client, g, id);
    next(client);
    CHECK(g.line->watches() == 1);
  }
  CHECK(gateway_fixture::wait_until([&] { return g.line->watches() == 0; }));
}

TEST_CASE("an end whose update was lost is found at the next heartbeat") {
  http_options http;
  http.heartbeat_time = 50ms;
  gateway_fixture g{{.replies = memory_line::replies::inside_the_call, .http = http}}; // this line tells no watchers
  auto id = g.make_job();
  http_client client{g.server->port()};
  subscribe(client, g, id);
  next(client);
  CHECK(client.read_until("\n\n").find(": still here") != std::string::npos);
  g.line->fail(id, job_state::failed, errc::deadline_exceeded, "too late");
  auto end = next(client);
  CHECK(status(end) == "failed");
  CHECK(next(client).kind == "closed");
}

TEST_CASE("an end that comes while the stream reads of the start is not missed") {
  gateway_fixture g; // whose heartbeats come too late to help
  auto id = g.make_job();
  http_client client{g.server->port()};
  subscribe(client, g, id);
  next(client);
  g.line->hold_reads();
  g.line->start(id);
  REQUIRE(gateway_fixture::wait_until([&] { return g.line->held_reads() == 1; }));
  g.line->finish(id, "video", "png");
  g.line->release_reads();
  CHECK(status(next(client)) == "in_progress");
  CHECK(status(next(client)) == "completed");
  CHECK(next(client).kind == "closed");
}

TEST_CASE("an end that comes while the stream reads for the first time is not missed") {
  gateway_fixture g;
  auto id = g.make_job();
  http_client client{g.server->port()};
  g.line->hold_reads();
  client.send("GET /v1/videos/" + to_string(id) + "/events HTTP/1.1\r\nHost: x\r\n" + g.auth() + "\r\n");
  REQUIRE(gateway_fixture::wait_until([&] { return g.line->held_reads() == 1; }));
  g.line->finish(id, "video", "png");
  g.line->release_reads();
  std::vector<std::string> seen;
  for (auto e = next(client); e.kind != "closed"; e = next(client)) seen.push_back(status(e));
  REQUIRE_FALSE(seen.empty());
  CHECK(seen.back() == "completed");
}

TEST_CASE("a tenant has a bounded number of streams, whose ends make place, and takes none from another") {
  gateway_fixture g{{.event_streams_max = 2}};
  auto id = g.make_job(), foreign = g.make_job(g.auth(g.other_key));
  auto path = [](const job_id& of) { return "/v1/videos/" + to_string(of) + "/events"; };
  http_client first{g.server->port()};
  subscribe(first, g, id);
  {
    http_client second{g.server->port()};
    subscribe(second, g, id);
    auto refused = g.ask("GET", path(id));
    CHECK(refused.status == 429);
    CHECK_FALSE(refused.header("retry-after").empty());
    CHECK(parsed(refused).at("error").at("code").as_string() == "too_many_streams");
    g.ask("POST", "/v1/videos/" + to_string(foreign) + "/cancel", {}, g.auth(g.other_key));
    CHECK(g.ask("GET", path(foreign), {}, g.auth(g.other_key)).status == 200);
  }
  for (int i = 0; i < 5; ++i) // there is place again, and those who find nothing do not keep it
    CHECK(gateway_fixture::wait_until([&] { return g.ask("GET", path(foreign)).status == 404; }));
}

TEST_CASE("a job that is deleted ends its streams") {
  http_options http;
  http.heartbeat_time = 50ms;
  gateway_fixture g{{.http = http}};
  auto id = g.make_job();
  http_client client{g.server->port()};
  subscribe(client, g, id);
  next(client);
  g.ask("DELETE", "/v1/videos/" + to_string(id));
  CHECK(next(client).kind == "closed");
}

TEST_CASE("streams end when the server stops") {
  gateway_fixture g;
  auto id = g.make_job();
  http_client client{g.server->port()};
  subscribe(client, g, id);
  next(client);
  g.server->stop();
  CHECK(next(client).kind == "closed");
  CHECK(g.line->watches() == 0);
}
