// api_test.cpp: What the interface promises when all goes well, through a real server: create, read, list,
// content, cancel, delete, replay, readiness, metrics; and that tenants do not see each other.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "tests/gateway/gateway_fixture.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("a created video is answered with its object and can be read back") {
  gateway_fixture g;
  auto a = g.create(R"({"prompt":"a cat","seconds":"4","seed":7,"metadata":{"k":"v"}})", "X-Request-Id: my-1\r\n");
  REQUIRE(a.status == 200);
  CHECK(a.header("content-type") == "application/json");
  CHECK(a.header("x-request-id") == "my-1");
  CHECK(a.header("openai-poll-after-ms") == "1000");
  auto o = parsed(a);
  CHECK(o.at("status").as_string() == "queued");
  CHECK(o.at("seconds").as_string() == "4");
  CHECK(o.at("reel").as_object().at("seed").as_int64() == 7);
  auto again = g.ask("GET", "/v1/videos/" + std::string{o.at("id").as_string()});
  CHECK(again.status == 200);
  CHECK(parsed(again) == o);
  CHECK(g.line->jobs().size() == 1);
  CHECK(g.line->jobs()[0].request.tenant.value == "acme");
}

TEST_CASE("seeds, request ids and job ids are drawn") {
  gateway_fixture g;
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    auto a = g.create(R"({"prompt":"p"})", "X-Request-Id: not sane!\r\n");
    seen.insert(a.header("x-request-id"));
    auto o = parsed(a);
    seen.insert(std::string{o.at("id").as_string()});
    seen.insert("seed " + boost::json::serialize(o.at("reel").at("seed")));
  }
  CHECK(seen.size() == 60);
}

TEST_CASE("the same idempotency key gives the first job, with another body a refusal, in another account a "
          "new job") {
  gateway_fixture g;
  const std::string key = "Idempotency-Key: k-1\r\n";
  auto first = g.create(R"({"prompt":"a cat"})", key);
  auto again = g.create(R"({ "prompt" : "a cat" })", key);
  CHECK(again.status == 200);
  CHECK(parsed(again).at("id") == parsed(first).at("id"));
  CHECK(g.line->jobs().size() == 1);
  auto other_body = g.create(R"({"prompt":"a dog"})", key);
  CHECK(other_body.status == 422);
  CHECK(parsed(other_body).at("error").at("code").as_string() == "key_reused");
  auto other_tenant = g.create(R"({"prompt":"a dog"})", key + g.auth(g.other_key));
  CHECK(other_tenant.status == 200);
  CHECK(g.line->jobs().size() == 2);
}

TEST_CASE("a request with a key that is repeated after its deadline gets its first answer") {
  std::atomic<std::int64_t> now_s{1'800'000'000};
  gateway_fixture g{{.wall_clock = [&] { return wall_time{std::chrono::seconds{now_s.load()}}; }}};
  const std::string key = "Idempotency-Key: k\r\n", body = R"({"prompt":"p","deadline":"2027-01-15T08:10:00Z"})";
  auto first = g.create(body, key);
  REQUIRE(first.status == 200);
  now_s += 3600;
  auto again = g.create(body, key);
  CHECK(again.status == 200);
  CHECK(parsed(again).at("id") == parsed(first).at("id"));
  CHECK(g.create(body).status == 422);
}

TEST_CASE("lists come in pages that end") {
  gateway_fixture g;
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) made.push_back(to_string(g.make_job()));
  g.make_job(g.auth(g.other_key));
  std::vector<std::string> seen;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    auto a = g.ask("GET", "/v1/videos?limit=2&order=asc" + (after.empty() ? "" : "&after=" + after));
    REQUIRE(a.status == 200);
    auto o = parsed(a);
    CHECK(o.at("object").as_string() == "list");
    for (const auto& v : o.at("data").as_array()) seen.emplace_back(v.at("id").as_string());
    after = o.at("last_id").as_string();
    CHECK(o.at("last_id") == o.at("data").as_array().back().at("id"));
    CHECK(o.at("first_id") == o.at("data").as_array().front().at("id"));
    CHECK(o.at("has_more").as_bool() == (page < 2));
  }
  CHECK(seen == made);
  auto newest_first = parsed(g.ask("GET", "/v1/videos"));
  CHECK(newest_first.at("data").as_array().front().at("id").as_string() == made.back());
  auto none = parsed(g.ask("GET", "/v1/videos?after=" + made.back() + "&order=asc"));
  CHECK(none.at("data").as_array().empty());
  CHECK(none.at("first_id").is_null());
  CHECK(none.at("last_id").is_null());
  CHECK_FALSE(none.at("has_more").as_bool());
}

TEST_CASE("a list says the same of a job as reading it does") {
  gateway_fixture g;
  auto id = g.make_job();
  auto read = [&] { return parsed(g.ask("GET", "/v1/videos/" + to_string(id))); };
  auto listed = [&] { return parsed(g.ask("GET", "/v1/videos")).at("data").as_array().at(0).as_object(); };
  g.line->start(id);
  CHECK(read() == listed());
  CHECK(read().at("status").as_string() == "in_progress");
  g.line->set_live(id, job_live{.phase = run_phase::waiting}); // granted, but its worker is not there yet
  CHECK(read() == listed());
  CHECK(read().at("status").as_string() == "queued");
}

TEST_CASE("content is given whole, in parts, by tag and by head") {
  gateway_fixture g;
  auto id = g.make_job();
  std::string video;
  for (int i = 0; video.size() < (3u << 20); ++i) video += std::to_string(i) + ' ';
  g.line->start(id);
  g.line->finish(id, video, "PNG");
  const auto path = "/v1/videos/" + to_string(id) + "/content";

  auto whole = g.ask("GET", path);
  CHECK(whole.status == 200);
  CHECK(whole.body == video);
  CHECK(whole.header("content-type") == "video/mp4");
  CHECK(whole.header("accept-ranges") == "bytes");
  CHECK(whole.header("content-disposition").find(to_string(id) + ".mp4") != std::string::npos);
  auto etag = whole.header("etag");
  CHECK(etag.size() == 66);

  auto part = g.ask("GET", path, {}, "Range: bytes=1000000-2999999\r\n");
  CHECK(part.status == 206);
  CHECK(part.body == video.substr(1'000'000, 2'000'000));
  CHECK(part.header("content-range") == "bytes 1000000-2999999/" + std::to_string(video.size()));
  CHECK(g.ask("GET", path, {}, "Range: bytes=-5\r\n").body == video.substr(video.size() - 5));
  auto beyond = g.ask("GET", path, {}, "Range: bytes=99999999-\r\n");
  CHECK(beyond.status == 416);
  CHECK(beyond.header("content-range") == "bytes */" + std::to_string(video.size()));

  auto reads = g.line->object_reads();
  auto known = g.ask("GET", path, {}, "If-None-Match: " + etag + "\r\n");
  CHECK(known.status == 304);
  CHECK(known.header("etag") == etag);
  auto head = g.ask("HEAD", path);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == std::to_string(video.size()));
  for (auto range : {"bytes=0-4", "bytes=99999999-"}) { // ranges are for GET
    auto ranged = g.ask("HEAD", path, {}, "Range: " + std::string{range} + "\r\n");
    CHECK(ranged.status == 200);
    CHECK(ranged.header("content-length") == std::to_string(video.size()));
    CHECK(ranged.header("content-range").empty());
  }
  CHECK(g.line->object_reads() == reads);

  CHECK(g.ask("GET", path, {}, "Range: bytes=0-4\r\nIf-Range: " + etag + "\r\n").status == 206);
  CHECK(g.ask("GET", path, {}, "Range: bytes=0-4\r\nIf-Range: \"other\"\r\n").status == 200);
  auto thumbnail = g.ask("GET", path + "?variant=thumbnail");
  CHECK(thumbnail.body == "PNG");
  CHECK(thumbnail.header("content-type") == "image/png");
}

TEST_CASE("content that is not there says why") {
  gateway_fixture g;
  auto id = g.make_job();
  const auto path = "/v1/videos/" + to_string(id) + "/content";
  auto early = g.ask("GET", path);
  CHECK(early.status == 409);
  CHECK(early.header("x-should-retry") == "false");
  g.line->start(id);
  g.line->finish(id, "", "");
  CHECK(g.ask("GET", path).status == 404);
  auto second = g.make_job();
  g.line->fail(second, job_state::dead_letter, errc::crashed, "it crashed twice");
  CHECK(g.ask("GET", "/v1/videos/" + to_string(second) + "/content").status == 404);
  auto third = g.make_job();
  g.line->start(third);
  g.line->finish(third, "video", "png");
  g.line->lose_objects();
  auto lost = g.ask("GET", "/v1/videos/" + to_string(third) + "/content");
  CHECK(lost.status == 404);
}

TEST_CASE("a running job shows its progress, a failed one its error") {
  gateway_fixture g;
  auto id = g.make_job();
  g.line->start(id);
  g.line->set_live(id, job_live{.eta_ms = 40'000, .phase = run_phase::denoising, .step = 20, .steps_total = 40});
  auto running = g.ask("GET", "/v1/videos/" + to_string(id));
  CHECK(running.header("openai-poll-after-ms") == "10000");
  CHECK(parsed(running).at("status").as_string() == "in_progress");
  CHECK(parsed(running).at("progress").as_int64() == 47);
  g.line->fail(id, job_state::dead_letter, errc::poison, "it crashed twice");
  auto failed = parsed(g.ask("GET", "/v1/videos/" + to_string(id)));
  CHECK(failed.at("status").as_string() == "failed");
  CHECK(failed.at("error").at("code").as_string() == "poison");
  CHECK(failed.at("error").at("message").as_string() == "it crashed twice");
}

TEST_CASE("cancelling answers with the video, a second time with a conflict that need not be repeated") {
  gateway_fixture g;
  auto id = g.make_job();
  const auto path = "/v1/videos/" + to_string(id) + "/cancel";
  auto a = g.ask("POST", path);
  CHECK(a.status == 200);
  CHECK(parsed(a).at("error").at("code").as_string() == "cancelled");
  auto b = g.ask("POST", path);
  CHECK(b.status == 409);
  CHECK(b.header("x-should-retry") == "false");
}

TEST_CASE("a deleted video is gone") {
  gateway_fixture g;
  auto id = g.make_job();
  auto path = "/v1/videos/" + to_string(id);
  auto a = g.ask("DELETE", path);
  CHECK(a.status == 200);
  CHECK(a.body == R"({"id":")" + to_string(id) + R"(","object":"video.deleted","deleted":true})");
  CHECK(g.ask("GET", path).status == 404);
  CHECK(g.ask("DELETE", path).status == 404);
}

TEST_CASE("an operator sees all jobs, a tenant its own") {
  gateway_fixture g;
  auto id = g.make_job();
  auto path = "/v1/videos/" + to_string(id);
  CHECK(g.ask("GET", path, {}, g.auth(g.operator_key)).status == 200);
  CHECK(g.ask("GET", path, {}, g.auth(g.other_key)).status == 404);
  CHECK(parsed(g.ask("GET", "/v1/videos", {}, g.auth(g.operator_key))).at("data").as_array().size() == 1);
  CHECK(parsed(g.ask("GET", "/v1/videos", {}, g.auth(g.other_key))).at("data").as_array().empty());
}

TEST_CASE("the tenant comes from the key, whatever a header says") {
  gateway_fixture g;
  CHECK(g.create(R"({"prompt":"p"})", "X-Tenant-ID: other\r\nX-Forwarded-User: other\r\n").status == 200);
  CHECK(g.line->jobs()[0].request.tenant.value == "acme");
}

TEST_CASE("a created video says what is left of the rate, and of the day where it is limited") {
  gateway_fixture g{{.requests_per_s = 100}};
  auto a = g.create(R"({"prompt":"p"})");
  CHECK(a.header("x-ratelimit-limit-requests") == "200");
  CHECK(a.header("x-ratelimit-remaining-requests") == "199");
  CHECK(a.header("x-ratelimit-reset-requests").ends_with("ms"));
  CHECK(a.header("x-quota-remaining-jobs").empty());
  CHECK(a.header("x-quota-reset").empty());
  g.line->answer_quota(errc::ok, {quota_kind::none, 60, 41, -1});
  a = g.create(R"({"prompt":"p"})");
  CHECK(a.status == 200);
  CHECK(a.header("x-quota-remaining-jobs") == "41");
  CHECK(a.header("x-quota-remaining-gpu-seconds").empty());
  CHECK(a.header("x-quota-reset") == "60s");
  CHECK(g.ask("GET", "/v1/videos").header("x-ratelimit-limit-requests").empty());
}

TEST_CASE("a tenant sees its own quota, an operator anybody's") {
  gateway_fixture g;
  auto a = g.ask("GET", "/v1/quota");
  REQUIRE(a.status == 200);
  const auto view = parsed(a);
  CHECK(view.at("tenant") == "acme");
  CHECK(view.at("time_zone") == "Europe/Berlin");
  CHECK(view.at("resets_in_seconds") == 3600);
  CHECK(view.at("all") == boost::json::parse(R"({"jobs":2,"jobs_per_day":null,"gpu_seconds":2.25,
    "gpu_seconds_reserved":1.5,"gpu_seconds_per_day":90.5,"queued_jobs":1,"queued_jobs_max":10,"running_jobs_max":null})"));
  CHECK(view.at("classes").at("free").at("jobs_per_day") == 5);
  CHECK(view.at("classes").at("free").at("running_jobs_max") == 1);
  CHECK(view.at("classes").as_object().size() == 4);
  CHECK(parsed(g.ask("GET", "/v1/quota?tenant=acme")).at("tenant") == "acme");
  CHECK(g.ask("GET", "/v1/quota?tenant=other").status == 404);
  const auto as_operator = g.auth(g.operator_key);
  CHECK(parsed(g.ask("GET", "/v1/quota", {}, as_operator)).at("tenant") == "operators");
  CHECK(parsed(g.ask("GET", "/v1/quota?tenant=other", {}, as_operator)).at("tenant") == "other");
  CHECK(g.ask("GET", "/v1/quota?tenant=nobody", {}, as_operator).status == 404);
  CHECK(g.ask("GET", "/v1/quota?whose=acme").status == 422);
}

TEST_CASE("a line in trouble becomes 503 with a time to wait") {
  gateway_fixture g;
  auto id = g.make_job();
  for (auto code : {errc::unavailable, errc::queue_full, errc::no_space, errc::timeout, errc::unreachable}) {
    g.line->fail_all(code);
    auto a = g.create(R"({"prompt":"p"})");
    CHECK(a.status == 503);
    CHECK_FALSE(a.header("retry-after").empty());
    CHECK(g.ask("GET", "/v1/videos/" + to_string(id)).status == 503);
    CHECK(g.ask("GET", "/v1/videos").status == 503);
    CHECK(g.ask("GET", "/readyz").status == 503);
    CHECK(g.ask("GET", "/healthz").status == 200);
  }
  g.line->fail_all(errc::quota_exceeded);
  CHECK(g.create(R"({"prompt":"p"})").status == 429);
  g.line->fail_all(errc::internal);
  CHECK(g.create(R"({"prompt":"p"})").status == 500);
}

TEST_CASE("times to wait are spread, and never longer than the minute that SDKs wait") {
  gateway_fixture g;
  g.line->fail_all(errc::no_space);
  std::set<int> seen;
  for (int i = 0; i < 200; ++i) seen.insert(std::stoi(g.create(R"({"prompt":"p"})").header("retry-after")));
  CHECK(seen.size() > 5);
  CHECK(*seen.begin() >= 39);
  CHECK(*seen.rbegin() <= 59);
}

TEST_CASE("whom a full queue refuses is told when it is foretold to be shorter") {
  gateway_fixture g;
  auto wait = [&](std::uint32_t foretold_s) {
    g.line->answer_full(foretold_s);
    auto a = g.create(R"({"prompt":"p"})");
    CHECK(a.status == 503);
    CHECK(a.header("x-should-retry").empty());
    return std::stoi(a.header("retry-after"));
  };
  CHECK(wait(1) == 1);
  for (int i = 0; i < 50; ++i) {
    auto soon = wait(20), late = wait(300); // spread by a fifth
    CHECK((soon >= 16 && soon <= 24));
    CHECK((late >= 39 && late <= 59));
  }
  CHECK(wait(0) > 1); // nobody knows
}

TEST_CASE("when nobody knows whether a job was taken, only a request with a key may be repeated by an SDK") {
  gateway_fixture g;
  for (auto code : {errc::timeout, errc::unreachable, errc::malformed, errc::internal}) {
    g.line->fail_all(code);
    auto a = g.create(R"({"prompt":"p"})");
    CHECK(a.status >= 500);
    CHECK(a.header("x-should-retry") == "false");
    CHECK(a.body.find("it is not known whether the video was accepted") != std::string::npos);
    CHECK(g.create(R"({"prompt":"p"})", "Idempotency-Key: a\r\n").header("x-should-retry").empty());
  }
  g.line->fail_all(errc::unavailable); // certainly not taken
  CHECK(g.create(R"({"prompt":"p"})").header("x-should-retry").empty());
}

TEST_CASE("an operator may ask for an urgent job, others may not") {
  gateway_fixture g;
  CHECK(g.create(R"({"prompt":"p","class":"urgent"})", g.auth(g.operator_key)).status == 200);
  auto a = g.create(R"({"prompt":"p","class":"urgent"})");
  CHECK(a.status == 403);
  CHECK(parsed(a).at("error").at("type").as_string() == "permission_error");
}

TEST_CASE("draining refuses new jobs and nothing else") {
  gateway_fixture g;
  auto id = g.make_job();
  CHECK(g.ask("GET", "/readyz").body == R"({"ready":true,"reasons":[]})");
  g.api->drain();
  auto ready = g.ask("GET", "/readyz");
  CHECK(ready.status == 503);
  CHECK(ready.body == R"({"ready":false,"reasons":["draining"]})");
  CHECK(g.create(R"({"prompt":"p"})").status == 503);
  CHECK(g.ask("GET", "/v1/videos/" + to_string(id)).status == 200);
}

TEST_CASE("a tenant that asks too often is slowed, another is not") {
  gateway_fixture g{{.requests_per_s = 0.5}};
  CHECK(g.ask("GET", "/v1/models").status == 200);
  auto a = g.ask("GET", "/v1/models");
  CHECK(a.status == 429);
  CHECK(a.header("retry-after") == "2");
  CHECK(parsed(a).at("error").at("type").as_string() == "rate_limit_error");
  CHECK(g.ask("GET", "/v1/models", {}, g.auth(g.other_key)).status == 200);
}

TEST_CASE("models are listed") {
  gateway_fixture g;
  auto o = parsed(g.ask("GET", "/v1/models"));
  CHECK(o.at("object").as_string() == "list");
  REQUIRE(o.at("data").as_array().size() == 2);
  CHECK(o.at("data").as_array()[0].at("id").as_string() == "null");
}

TEST_CASE("metrics count what was answered, and hold no secret") {
  gateway_fixture g;
  g.make_job();
  g.create(R"({"prompt":"p","size":"1x1"})");
  http_client broken{g.server->port()};
  broken.send("GET /\r\n\r\n");
  CHECK(broken.answer().header("x-request-id").starts_with("req_"));
  auto text = g.ask("GET", "/metrics").body;
  CHECK(text.find("reel_http_requests_total{route=\"unknown\",status=\"400\"} 1\n") != std::string::npos);
  CHECK(text.find("reel_jobs_accepted_total 1\n") != std::string::npos);
  CHECK(text.find("reel_jobs_refused_total{reason=\"invalid_value\"} 1\n") != std::string::npos);
  CHECK(text.find("reel_http_requests_total{route=\"/v1/videos\",status=\"200\"} 1\n") != std::string::npos);
  CHECK(text.find("reel_http_request_seconds_count{route=\"/v1/videos\"} 2\n") != std::string::npos);
  CHECK(text.find("reel_http_connections") != std::string::npos);
  CHECK(text.find(g.acme_key) == std::string::npos);
}

TEST_CASE("many clients at once get their own jobs") {
  http_options http;
  http.threads = 2;
  gateway_fixture g{{.http = http}};
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      http_client client{g.server->port()};
      for (int i = 0; i < 50; ++i) {
        auto prompt = std::to_string(t) + " " + std::to_string(i);
        auto a = client.ask("POST", "/v1/videos", g.auth() + "Content-Type: application/json\r\n",
                            R"({"prompt":")" + prompt + "\"}");
        if (a.status == 200 && parsed(a).at("prompt").as_string() == prompt) ++right;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(right == 400);
  CHECK(g.line->jobs().size() == 400);
}
