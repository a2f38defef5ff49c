// commands_test.cpp: Pauses, other classes and orders to circuit breakers over HTTP: who may give which command, what
// is answered and logged.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/api/bad_requests.hpp"

using namespace reel;

namespace {

client_answer pause(const gateway_fixture& g, const std::string& what, const std::string& body) {
  return g.ask("POST", "/v1/queue/" + what, body, g.auth(g.operator_key));
}

client_answer reprioritise(const gateway_fixture& g, const job_id& id, const std::string& cls, std::string auth = {}) {
  return g.ask("POST", "/v1/videos/" + to_string(id) + "/reprioritise", R"({"class":")" + cls + "\"}", std::move(auth));
}

std::string paused(const client_answer& a) {
  CHECK(a.status == 200);
  auto list = parsed(a);
  CHECK(list.at("object").as_string() == "list");
  std::string names;
  for (const auto& p : list.at("data").as_array()) {
    names += p.at("tenant").is_null() ? "all " : std::string{p.at("tenant").as_string()} + ' ';
    CHECK(p.at("by").as_string() == "operators");
    CHECK(p.at("since").as_int64() == 1'800'000'000);
  }
  return names;
}

} // namespace

TEST_CASE("an operator pauses and resumes a tenant or all, as often as wished") {
  gateway_fixture g;
  CHECK(paused(pause(g, "pause", R"({"tenant":"acme"})")) == "acme ");
  CHECK(paused(pause(g, "pause", "")) == "all acme ");
  CHECK(paused(pause(g, "pause", "{}")) == "all acme ");
  CHECK(paused(pause(g, "resume", R"({"tenant":null})")) == "acme ");
  CHECK(paused(pause(g, "resume", R"({"tenant":"gone-since"})")) == "acme ");
  CHECK(paused(pause(g, "resume", R"({"tenant":"acme"})")).empty());
}

TEST_CASE("a pause is for operators, and of a tenant that there is") {
  gateway_fixture g;
  for (std::string path : {"/v1/queue/pause", "/v1/queue/resume"})
    for (const auto& key : {g.acme_key, g.other_key})
      check_refused(g.ask("POST", path, R"({"tenant":"acme"})", g.auth(key)), for_operators);
  const std::string allowed = " (allowed: the name of a tenant, or none for the whole queue)";
  check_refused(pause(g, "pause", R"({"tenant":"acne"})"),
                {422, "tenant", "invalid_value", "invalid value for 'tenant': \"acne\"" + allowed});
  check_refused(pause(g, "resume", R"({"tenant":""})"),
                {422, "tenant", "invalid_value", "invalid value for 'tenant': \"\"" + allowed});
  check_refused(pause(g, "pause", R"({"tenant":7})"),
                {422, "tenant", "invalid_value", "invalid value for 'tenant': no text (allowed: a text)"});
  check_refused(pause(g, "pause", R"({"queue":"all"})"), {422, "queue", "unknown_field", "unknown field \"queue\""});
  CHECK(paused(pause(g, "resume", "")).empty());
}

TEST_CASE("a tenant moves its waiting videos between the classes that are open to it") {
  gateway_fixture g;
  auto id = g.make_job();
  auto a = reprioritise(g, id, "free");
  REQUIRE(a.status == 200);
  CHECK(parsed(a) ==
        boost::json::object{
            {"id", to_string(id)}, {"object", "video.reprioritised"}, {"class_before", "standard"}, {"class", "free"}});
  auto read = parsed(g.ask("GET", "/v1/videos/" + to_string(id)));
  CHECK(read.at("reel").at("class").as_string() == "free");
  check_refused(reprioritise(g, id, "vip"), {403, "class", "class_not_allowed",
                                             "class 'vip' is not open to this account (allowed: standard, free)"});
  check_refused(
      reprioritise(g, id, "urgent"),
      {403, "class", "class_not_allowed", "class 'urgent' is not open to this account (allowed: standard, free)"});
  CHECK(g.line->job(id).request.cls == job_class::free);
}

TEST_CASE("an operator gives every tenant's waiting video any class, another tenant none") {
  gateway_fixture g;
  auto id = g.make_job();
  for (std::string cls : {"urgent", "vip", "free"})
    CHECK(parsed(reprioritise(g, id, cls, g.auth(g.operator_key))).at("class").as_string() == cls);
  CHECK(reprioritise(g, id, "standard", g.auth(g.other_key)).status == 404);
}

TEST_CASE("a class that is none, or a video that does not wait, is refused with the reason") {
  gateway_fixture g;
  auto id = g.make_job();
  const auto path = "/v1/videos/" + to_string(id) + "/reprioritise";
  check_refused(g.ask("POST", path), {422, "class", "missing_field", "missing field 'class'"});
  check_refused(reprioritise(g, id, "best"),
                {422, "class", "invalid_value",
                 "invalid value for 'class': \"best\" (allowed: \"urgent\", \"vip\", \"standard\" or \"free\")"});
  g.line->start(id);
  auto running = reprioritise(g, id, "free");
  check_refused(running, {409, "", "conflict", to_string(id) + " runs: only a video that waits changes its class"});
  CHECK(running.header("x-should-retry") == "false");
  g.line->finish(id, "a video", "PNG");
  check_refused(reprioritise(g, id, "free"), {409, "", "conflict", to_string(id) + " has already ended"});
}

TEST_CASE("an operator forces a circuit breaker open, holds it closed and resets it") {
  gateway_fixture g;
  auto order = [&g](const std::string& body) { return g.ask("POST", "/v1/breakers", body, g.auth(g.operator_key)); };
  auto state = [&](const std::string& text) {
    auto a = order(R"({"model":"null","device":"NVIDIA H100","order":")" + text + "\"}");
    CHECK(a.status == 200);
    auto breaker = parsed(a).at("data").at(0);
    CHECK(breaker.at("device").as_string() == "NVIDIA H100");
    CHECK((text == "reset" ? breaker.at("by").is_null() : breaker.at("by").as_string() == "operators"));
    return std::string{breaker.at("state").as_string()};
  };
  CHECK(state("open") == "forced_open");
  CHECK(state("close") == "disabled");
  CHECK(state("reset") == "closed");
  CHECK(order(R"({"model":"null","order":"open"})").status == 200);
  CHECK(order(R"({"model":"object-store","order":"open"})").status == 200);
}

TEST_CASE("an order to a circuit breaker is for operators, and names a model, a device and what to do") {
  gateway_fixture g;
  auto order = [&g](const std::string& body) { return g.ask("POST", "/v1/breakers", body, g.auth(g.operator_key)); };
  for (const auto& key : {g.acme_key, g.other_key})
    check_refused(g.ask("POST", "/v1/breakers", R"({"model":"null","order":"open"})", g.auth(key)), for_operators);
  check_refused(order(R"({"model":"nosuch","order":"open"})"),
                {422, "model", "invalid_value",
                 "invalid value for 'model': \"nosuch\" (allowed: a model of this cluster or \"object-store\")"});
  check_refused(
      order(R"({"model":"object-store","device":"H100","order":"open"})"),
      {422, "device", "invalid_value", "invalid value for 'device': \"H100\" (allowed: none for the object store)"});
  check_refused(order(R"({"model":"null","order":"shut"})"),
                {422, "order", "invalid_value",
                 "invalid value for 'order': \"shut\" (allowed: \"open\", \"close\" or \"reset\")"});
  check_refused(order(R"({"model":"null","state":"open"})"),
                {422, "state", "unknown_field", "unknown field \"state\""});
}
