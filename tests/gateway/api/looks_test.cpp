// looks_test.cpp: What the dashboard looks at: the line for operators alone, everybody's own newest videos, a video's
// timeline; streams tell what changed and end with their reader.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/api/bad_requests.hpp"

using namespace reel;
namespace json = boost::json;

namespace {

struct event {
  std::string kind;
  json::object data;
};

event next(http_client& client) {
  for (;;) {
    auto chunk = client.read_until("\n\n");
    if (!chunk.ends_with("\n\n")) return {"closed", {}};
    auto at = chunk.find("event: "), data = chunk.find("\ndata: ");
    if (at == std::string::npos || data == std::string::npos) continue;
    auto text = chunk.substr(data + 7);
    return {chunk.substr(at + 7, data - at - 7), json::parse(text.substr(0, text.size() - 2)).as_object()};
  }
}

void open_stream(http_client& client, const std::string& path, const std::string& auth) {
  client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + auth + "\r\n");
  CHECK(client.read_until("\r\n\r\n").find("text/event-stream") != std::string::npos);
}

line_overview busy_line() {
  line_overview o;
  o.at = wall_time{std::chrono::milliseconds{1'800'000'000'123}};
  o.term = 3;
  o.recovering = false;
  o.classes[2] = {5, 2, 61'500};
  o.workers_total = o.workers_ready = 1;
  worker_overview w;
  w.id = {"gpu-1/0"};
  w.state = worker_state::ready;
  w.device = "NVIDIA \"H100\"";
  w.batch.bytes[15] = 1;
  w.jobs = 2;
  w.members = {job_id{}};
  w.phase = run_phase::denoising;
  w.step = 3;
  w.steps_total = 40;
  w.left_ms = 1500;
  o.workers = {w};
  o.breakers = {{.model = {"wan"}, .device = "H100", .state = breaker_state::open}};
  o.alarms = {{alarm_kind::breaker_open, 1, "wan"}};
  o.samples = {{.accepted = 4}, {.accepted = 7, .wait_ms = 90}};
  o.per_minute.completed = 9;
  return o;
}

std::vector<std::string> ids_of(const json::object& data, const char* key) {
  std::vector<std::string> all;
  for (const auto& v : data.at(key).as_array())
    all.emplace_back(v.is_string() ? v.as_string() : v.at("video").at("id").as_string());
  return all;
}

} // namespace

TEST_CASE("an operator sees the line, a tenant does not") {
  gateway_fixture g;
  g.line->set_overview(busy_line());
  check_refused(g.ask("GET", "/v1/line"), for_operators);
  check_refused(g.ask("GET", "/v1/line/events"), for_operators);
  auto a = g.ask("GET", "/v1/line", {}, g.auth(g.operator_key));
  REQUIRE(a.status == 200);
  auto o = parsed(a);
  CHECK(o.at("classes").at("standard").at("waiting") == 5);
  CHECK(o.at("classes").at("standard").at("oldest_seconds") == 61.5);
  const auto& w = o.at("workers").at(0);
  CHECK(w.at("device").as_string() == "NVIDIA \"H100\"");
  CHECK(w.at("batch").at("step") == 3);
  CHECK(w.at("batch").at("eta_seconds") == 1.5);
  CHECK(w.at("batch").at("members").as_array().size() == 1);
  CHECK(o.at("alarms").at(0).at("message").as_string() == "wan: circuit breaker is not closed");
  CHECK(o.at("samples").at("accepted") == json::array{4, 7});
  CHECK(o.at("per_minute").at("completed") == 9);
}

TEST_CASE("a stream of the line says every second how it stands, and what keeps it from saying so") {
  gateway_fixture g;
  {
    http_client client{g.server->port()};
    open_stream(client, "/v1/line/events", g.auth(g.operator_key));
    CHECK(next(client).data.at("term") == 0);
    g.line->set_overview(busy_line());
    g.line->look();
    auto e = next(client);
    CHECK(e.kind == "line");
    CHECK(e.data.at("term") == 3);
    g.line->fail_all(errc::unreachable);
    g.line->look();
    e = next(client);
    CHECK(e.kind == "trouble");
    CHECK(e.data.at("code").as_string() == "unreachable");
    check_refused(g.ask("GET", "/v1/line/events", {}, g.auth(g.operator_key)),
                  {503, "", "unreachable", "the service cannot answer now; try again"});
    g.line->fail_all(errc::ok);
    g.line->look();
    do e = next(client);
    while (e.kind == "trouble"); // the refused one's look was its, too
    CHECK(e.kind == "line");
  }
  CHECK(gateway_fixture::wait_until([&] { return g.line->looks() == 0; }));
}

TEST_CASE("a tenant's stream has its own newest videos, first all of them, then those that changed") {
  gateway_fixture g;
  auto first = g.make_job(), second = g.make_job();
  g.make_job(g.auth(g.other_key));
  http_client client{g.server->port()};
  open_stream(client, "/v1/events", g.auth());
  auto e = next(client);
  CHECK(e.kind == "videos");
  CHECK(ids_of(e.data, "ids") == std::vector{to_string(second), to_string(first)});
  CHECK(ids_of(e.data, "changed") == std::vector{to_string(second), to_string(first)});
  CHECK_FALSE(e.data.at("changed").at(0).as_object().contains("tenant"));

  g.line->look(); // nothing new: no event
  g.line->start(first);
  g.line->look();
  e = next(client);
  CHECK(ids_of(e.data, "ids").size() == 2);
  CHECK(ids_of(e.data, "changed") == std::vector{to_string(first)});
  CHECK(e.data.at("changed").at(0).at("video").at("status").as_string() == "in_progress");
}

TEST_CASE("an operator's stream has everybody's, and says whose they are") {
  gateway_fixture g;
  g.make_job();
  g.make_job(g.auth(g.other_key));
  http_client client{g.server->port()};
  open_stream(client, "/v1/events", g.auth(g.operator_key));
  auto e = next(client);
  REQUIRE(e.data.at("changed").as_array().size() == 2);
  CHECK(e.data.at("changed").at(1).at("tenant").as_string() == "acme");
}

TEST_CASE("streams of all kinds are counted together") {
  gateway_fixture g{{.event_streams_max = 2}};
  auto id = to_string(g.make_job());
  http_client one{g.server->port()}, two{g.server->port()};
  open_stream(one, "/v1/events", g.auth());
  open_stream(two, "/v1/videos/" + id + "/events", g.auth());
  check_refused(g.ask("GET", "/v1/events"),
                {429, "", "too_many_streams", "too many event streams of this account are open (allowed: 2)*"});
}

TEST_CASE("a timeline tells a tenant what happened, and an operator also where and why") {
  gateway_fixture g;
  auto id = to_string(g.make_job());
  auto of_tenant = parsed(g.ask("GET", "/v1/videos/" + id + "/timeline"));
  REQUIRE(of_tenant.at("events").as_array().size() == 2);
  CHECK(of_tenant.at("events").at(1).at("kind").as_string() == "granted");
  CHECK_FALSE(of_tenant.at("events").at(1).as_object().contains("worker"));
  CHECK(of_tenant.at("why").is_null());
  auto of_operator = parsed(g.ask("GET", "/v1/videos/" + id + "/timeline", {}, g.auth(g.operator_key)));
  CHECK(of_operator.at("tenant").as_string() == "acme");
  CHECK(of_operator.at("events").at(1).at("worker").as_string() == "gpu-1/0");
  CHECK(of_operator.at("why").at("reason").as_string() == "turn");
  CHECK(g.ask("GET", "/v1/videos/" + id + "/timeline", {}, g.auth(g.other_key)).status == 404);
}

TEST_CASE("an account says who it is and what it may do, a model what may be asked of it") {
  gateway_fixture g;
  auto own = parsed(g.ask("GET", "/v1/account"));
  CHECK(own.at("id").as_string() == "acme");
  CHECK(own.at("operator") == false);
  CHECK(own.at("classes") == json::array{"standard", "free"});
  CHECK(parsed(g.ask("GET", "/v1/account", {}, g.auth(g.operator_key))).at("operator") == true);
  auto models = parsed(g.ask("GET", "/v1/models"));
  CHECK(models.at("data").at(0).at("reel").at("size_multiple") == 16);
}
