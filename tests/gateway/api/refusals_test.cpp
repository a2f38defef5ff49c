// refusals_test.cpp: What is refused for its time or state, with the whole refusal: too often, too many, line in
// trouble, ranges beyond a file, bodies of those who may send none. And that nothing of a refused request reaches the
// log or the metrics.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/observe/log.hpp"
#include "tests/gateway/api/bad_requests.hpp"

using namespace reel;

namespace {

/// Every route and method that a key opens, with a body where one is needed.
std::vector<bad_request> keyed_requests(const std::string& id) {
  std::vector<bad_request> all;
  for (const auto& r : all_routes())
    for (std::string method : {"GET", "HEAD", "POST", "DELETE"}) {
      if (!r.needs_key || !is_allowed(r, method)) continue;
      auto body = body_for(r, method);
      all.push_back(
          {method + ' ' + std::string{r.name}, method, path_of(r, id), body.empty() ? "" : json_type, body, {}});
    }
  return all;
}

bool is_for_operators(const bad_request& r) {
  return r.target.starts_with("/v1/queue/") || r.target == "/v1/breakers" || r.target.starts_with("/v1/line");
}
bool asks_the_line(const bad_request& r) {
  return r.target != "/v1/models" && r.target != "/v1/account" && !is_for_operators(r);
}

/// What the log says while this lives.
class captured_log {
public:
  captured_log() { log::start({.least = log::level::debug, .node = "gateway", .file = file_}); }
  ~captured_log() {
    log::start({});
    std::filesystem::remove(file_);
  }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  /// Ends the capture.
  std::string text() const {
    log::start({});
    std::ostringstream all;
    all << std::ifstream{file_}.rdbuf();
    return all.str();
  }

private:
  std::string file_ = std::filesystem::temp_directory_path() / ("reel-log-" + make_api_key());
};

} // namespace

TEST_CASE("a tenant that asks too often is slowed on every route") {
  gateway_fixture g{{.requests_per_s = 0.001}};
  CHECK(g.ask("GET", "/v1/models").status == 200);
  for (const auto& r : keyed_requests("video_00000000000070008000000000000000")) {
    INFO(r.what);
    auto a = send(g, r);
    check_refused(a, {429, "", "rate_limited", "too many requests a second for this account; slow down"},
                  r.method == "HEAD");
    CHECK(std::stoi(a.header("retry-after")) <= 59);
    CHECK(a.header("x-ratelimit-limit-requests") == "1");
    CHECK(a.header("x-ratelimit-remaining-requests") == "0");
    CHECK_FALSE(a.header("x-ratelimit-reset-requests").empty());
  }
}

TEST_CASE("a tenant with too many waiting videos is told so") {
  gateway_fixture g;
  g.line->fail_all(errc::quota_exceeded);
  check_refused(
      g.create(R"({"prompt":"p"})"),
      {429, "", "quota_exceeded", "too many videos of this account are waiting; try again when some have finished"});
}

TEST_CASE("a tenant whose day is used up is told which limit it was and when the next day begins, and not to retry") {
  gateway_fixture g;
  for (auto [kind, what] :
       {std::pair{quota_kind::jobs_per_day, "videos"}, {quota_kind::gpu_seconds_per_day, "GPU time"}}) {
    g.line->answer_quota(errc::quota_exceeded, {kind, 7200, 0, 2'900});
    auto a = g.create(R"({"prompt":"p"})");
    const std::string name{to_string(kind)};
    check_refused(a, {429, name, "quota_exceeded",
                      "the " + std::string{what} +
                          " of this account for today, or for today in this class, are used up (" + name +
                          "); its next day begins in 7200 s"});
    CHECK(a.header("retry-after") == "7200");
    CHECK(a.header("x-should-retry") == "false");
    CHECK(a.header("x-quota-remaining-jobs") == "0");
    CHECK(a.header("x-quota-remaining-gpu-seconds") == "2");
    CHECK(a.header("x-quota-reset") == "7200s");
  }
  g.line->answer_quota(errc::quota_exceeded, {quota_kind::queued_jobs, 0, -1, -1});
  auto a = g.create(R"({"prompt":"p"})");
  CHECK(a.status == 429);
  CHECK(a.header("x-should-retry").empty());
  CHECK(a.header("x-quota-reset").empty());
}

TEST_CASE("a line in trouble is 503 on every route that needs it") {
  gateway_fixture g;
  auto id = to_string(g.make_job());
  const std::string again = "the service cannot answer now; try again";
  const std::vector<std::pair<errc, std::string>> troubles{{errc::unavailable, again},
                                                           {errc::timeout, again},
                                                           {errc::unreachable, again},
                                                           {errc::queue_full, "the queue is full; try again later"},
                                                           {errc::no_space, "no space for new work; try again later"}};
  for (const auto& [code, says] : troubles) {
    g.line->fail_all(code);
    for (const auto& r : keyed_requests(id)) {
      INFO(r.what << ' ' << to_string(code));
      auto a = send(g, r);
      if (asks_the_line(r))
        check_refused(a, {503, "", std::string{to_string(code)}, says}, r.method == "HEAD");
      else
        CHECK(a.status == (is_for_operators(r) ? 403 : 200));
    }
  }
  g.line->fail_all(errc::ok);
  g.api->drain();
  check_refused(g.create(R"({"prompt":"p"})"), {503, "", "draining", again});
}

TEST_CASE("a range beyond the end of a file is 416 and names its size, for video and thumbnail") {
  gateway_fixture g;
  auto id = g.make_job();
  g.line->start(id);
  g.line->finish(id, "a video", "PNG");
  for (auto [variant, size] : {std::pair{"video", "7"}, std::pair{"thumbnail", "3"}})
    for (auto range : {"bytes=7-", "bytes=100-200", "bytes=-0", "bytes=18446744073709551615-"}) {
      INFO(variant << ' ' << range);
      auto a = g.ask("GET", "/v1/videos/" + to_string(id) + "/content?variant=" + variant, {},
                     "Range: " + std::string{range} + "\r\n");
      check_refused(a, {416, "Range", "range_not_satisfiable", "the file has " + std::string{size} + " bytes"});
      CHECK(a.header("content-range") == "bytes */" + std::string{size});
    }
}

TEST_CASE("a body is read only from those who may send one here: others are refused by their head") {
  gateway_fixture g;
  auto ask = [&](const std::string& line, const std::string& auth) {
    http_client client{g.server->port()};
    client.send(line + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n" + auth + "\r\n");
    return client.answer();
  };
  const refusal no_key{401, "", "invalid_api_key", "a valid API key is needed: Authorization: Bearer reel-..."};
  check_refused(ask("POST /v1/videos", ""), no_key);
  check_refused(ask("POST /v1/videos", g.auth(make_api_key())), no_key);
  check_refused(ask("POST /v1/other", ""), no_key);
  check_refused(ask("POST /other", ""), {404, "", "unknown_path", "there is nothing at this path"});
  check_refused(ask("POST /%zz", g.auth()), {400, "", "bad_path", "the path or query is malformed"});
  check_refused(ask("PUT /v1/videos", g.auth()),
                {405, "", "method_not_allowed", "this method is not allowed here (allowed: GET, HEAD, POST, OPTIONS)"});
  check_refused(ask("GET /healthz", ""), {413, "", "body_too_large", "no body is expected here"});
  CHECK(ask("POST /v1/videos", g.auth()).status == 100);
  auto metrics = g.ask("GET", "/metrics").body;
  CHECK(metrics.find("reel_http_requests_total{route=\"/v1/videos\",status=\"401\"} 2\n") != std::string::npos);
}

TEST_CASE("no key, prompt or idempotency key of any refused or accepted request is in the log or the metrics") {
  captured_log log;
  gateway_fixture g;
  const auto wrong_key = make_api_key();
  auto id = to_string(g.make_job());
  for (auto& rows : {bad_values(), broken_bodies(), too_large_bodies(), bad_queries(id), keyed_requests(id)})
    for (auto r : rows) {
      if (r.target.ends_with("/events")) continue; // has no end
      send(g, r);
      r.headers += g.auth(wrong_key);
      send(g, r);
    }
  const auto accepted = R"({"prompt":")" + canary_prompt + R"(","class":"urgent"})";
  CHECK(g.create(accepted, g.auth(g.operator_key) + "Idempotency-Key: " + canary_idempotency_key + "\r\n").status ==
        200);
  for (auto code : {errc::internal, errc::timeout}) {
    g.line->fail_all(code);
    g.create(accepted, g.auth(g.operator_key));
  }
  const auto metrics = g.ask("GET", "/metrics").body, lines = log.text();
  CHECK(lines.find("urgent job requested") != std::string::npos); // the capture works
  CHECK(metrics.find("reel_jobs_refused_total") != std::string::npos);
  for (const auto& secret : {canary_prompt, canary_idempotency_key, g.acme_key, g.operator_key, wrong_key})
    for (const auto* text : {&lines, &metrics}) CHECK(text->find(secret) == std::string::npos);
}
