// bad_input_test.cpp: Every route with every method and every kind of bad request has its refusal, compared as a whole:
// status, parameter, code, message. Method: walk the route table itself, so that a new route is in here without
// anybody's doing, and the tables of bad_requests.hpp. What is refused for its time or state is in refusals_test.cpp.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/api/bad_requests.hpp"

using namespace reel;

namespace {

const std::vector<std::string> methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"};

const refusal no_key{401, "", "invalid_api_key", "a valid API key is needed: Authorization: Bearer reel-..."};
const refusal no_path{404, "", "unknown_path", "there is nothing at this path"};
const refusal bad_path{400, "", "bad_path", "the path or query is malformed"};
refusal not_found(const std::string& what) { return {404, "", "not_found", what + " does not exist"}; }

void check_table(const gateway_fixture& g, const std::vector<bad_request>& rows) {
  for (const auto& r : rows) {
    INFO(r.what);
    check_refused(send(g, r), r.expected, r.method == "HEAD");
  }
}

} // namespace

TEST_CASE("without a key, with a wrong one or another scheme, every route and method is 401, except the open "
          "ones") {
  gateway_fixture g;
  auto real = to_string(g.make_job());
  const std::vector<std::string> bad_auth{"",
                                          "Authorization: Bearer " + make_api_key() + "\r\n",
                                          "Authorization: Bearer " + g.acme_key.substr(0, 47) + "\r\n",
                                          "Authorization: Bearer \r\n",
                                          "Authorization: Basic " + g.acme_key + "\r\n",
                                          "Authorization: " + g.acme_key + "\r\n",
                                          "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n",
                                          "api-key: " + g.acme_key + "\r\n"};
  for (const auto& r : all_routes())
    for (const auto& method : methods)
      for (const auto& auth : bad_auth) {
        http_client client{g.server->port()};
        auto a = client.ask(method, path_of(r, real), auth);
        INFO(method << ' ' << r.name << ' ' << auth);
        if (!r.needs_key) {
          CHECK(a.status != 401);
          continue;
        }
        check_refused(a, no_key, method == "HEAD");
        CHECK(a.header("www-authenticate") == "Bearer");
      }
  for (auto path : {"/v1", "/v1/", "/v1/files", "/v1/batches", "/v1/admin"})
    check_refused(http_client{g.server->port()}.ask("GET", path), no_key);
  CHECK(g.line->jobs().size() == 1);
}

TEST_CASE("every method that a route does not have is 405 with Allow, OPTIONS is 204 with Allow") {
  gateway_fixture g;
  for (const auto& r : all_routes())
    for (const auto& method : methods) {
      if (never_ends(r) && method == "GET") continue;
      auto id = has_id(r) ? to_string(g.make_job()) : "";
      auto a = g.ask(method, path_of(r, id), body_for(r, method));
      INFO(method << ' ' << r.name);
      if (method == "OPTIONS") {
        CHECK(a.status == 204);
        CHECK(a.header("allow") == r.methods);
      } else if (r.where == route::content && is_allowed(r, method)) {
        const refusal not_ready{409, "", "video_not_ready",
                                id + " is not finished; wait until its status is completed"};
        check_refused(a, not_ready, method == "HEAD");
      } else if (r.where == route::final_video && is_allowed(r, method)) {
        check_refused(a, {409, "", "not_a_preview", id + " is no preview: it was not made with quality \"preview\""});
      } else if (is_for_operators(r) && is_allowed(r, method)) {
        check_refused(a, for_operators, method == "HEAD");
      } else if (is_allowed(r, method)) {
        CHECK(a.status == 200);
      } else {
        auto says = "this method is not allowed here (allowed: " + std::string{r.methods} + ")";
        check_refused(a, {405, "", "method_not_allowed", says}, method == "HEAD");
        CHECK(a.header("allow") == r.methods);
      }
    }
}

TEST_CASE("ids that are unknown, malformed or another tenant's are 404 alike on every route and method") {
  gateway_fixture g;
  auto foreign = to_string(g.make_job(g.auth(g.other_key)));
  const std::string unknown = "video_00000000000070008000000000000000", long_id(200, 'a');
  const std::vector<std::pair<std::string, refusal>> ids{
      {foreign, not_found(foreign)},
      {unknown, not_found(unknown)},
      {"video_1", not_found("\"video_1\"")},
      {"x", not_found("\"x\"")},
      {"..%2f..", bad_path},
      {"%00", bad_path},
      {"video_0000000000007000800000000000000G", not_found("\"video_0000000000007000800000000000000G\"")},
      {long_id, not_found('"' + long_id.substr(0, 64) + "...\"")},
      {"batch_00000000000070008000000000000000", not_found("\"batch_00000000000070008000000000000000\"")},
      {"%e4%b8%80", not_found("\"\u4e00\"")},
      {"%ff", not_found("\"?\"")}};
  for (const auto& r : all_routes()) {
    if (!has_id(r)) continue;
    for (const auto& method : methods) {
      if (!is_allowed(r, method) || method == "OPTIONS") continue;
      for (const auto& [id, expected] : ids) {
        INFO(method << ' ' << path_of(r, id));
        check_refused(g.ask(method, path_of(r, id), body_for(r, method)), expected, method == "HEAD");
      }
    }
  }
  CHECK(g.line->jobs().size() == 1);
  CHECK(g.line->jobs()[0].state == job_state::queued);
}

TEST_CASE("paths that are no route are 404, also those that come later") {
  gateway_fixture g;
  for (auto path : {"/v1", "/v1/videos/a/b", "/v1/files", "/v1/batches", "/v1/videos/x/remix", "/openapi.json",
                    "/dashboard", "/admin", "/v1/admin", "/index.html", "/v2/videos"})
    for (const auto& method : methods) {
      INFO(method << ' ' << path);
      check_refused(g.ask(method, path), no_path, method == "HEAD");
    }
  check_refused(g.ask("GET", "/v1/videos//x"), bad_path);
  check_refused(g.ask("GET", "/%zz"), bad_path);
  CHECK(g.ask("OPTIONS", "*").status == 204);
}

TEST_CASE("query parameters that are unknown, doubled or out of range are refused by name") {
  gateway_fixture g;
  auto id = g.make_job();
  check_table(g, bad_queries(to_string(id)));
  CHECK(g.line->jobs().size() == 1);
  CHECK(g.line->job(id).state == job_state::queued);
}

TEST_CASE("values that are wrong are refused by field, value and what is allowed, in JSON and in a form") {
  gateway_fixture g;
  check_table(g, bad_values());
  CHECK(g.line->jobs().empty());
}

TEST_CASE("bodies that are broken or of a wrong type are refused") {
  gateway_fixture g;
  check_table(g, broken_bodies());
  CHECK(g.line->jobs().empty());
}

TEST_CASE("bodies that are too large are refused on every route, however they are sent") {
  gateway_fixture g;
  check_table(g, too_large_bodies());
  CHECK(g.line->jobs().empty());
}

TEST_CASE("the largest body and prompt are taken, however they are sent") {
  gateway_fixture g;
  const std::string prompt(limits::prompt_bytes_max, 'a');
  CHECK(g.create(R"({"prompt":")" + prompt + "\"}").status == 200);
  CHECK(g.create(form_of(form_field("prompt", prompt)), form_type).status == 200);
  auto json = R"({"prompt":"p")" + std::string(limits::http_body_bytes_max - 14, ' ') + "}";
  REQUIRE(json.size() == limits::http_body_bytes_max);
  CHECK(g.create(json).status == 200);
  auto in_chunks =
      send(g, {"", "POST", "/v1/videos", json_type + "Transfer-Encoding: chunked\r\n", chunked(json, 50'000), {}});
  CHECK(in_chunks.status == 200);
}

TEST_CASE("idempotency keys are printable and bounded") {
  gateway_fixture g;
  CHECK(g.create(R"({"prompt":"p"})", "Idempotency-Key: " + std::string(255, 'k') + "\r\n").status == 200);
  const std::vector<std::pair<std::string, std::string>> bad{{std::string(256, 'k'), std::string(64, 'k') + "..."},
                                                             {"a b", "a b"},
                                                             {"caf\xc3\xa9", "caf\u00e9"},
                                                             {"\xff", "?"}};
  for (const auto& [key, shows] : bad)
    check_refused(g.create(R"({"prompt":"p"})", "Idempotency-Key: " + key + "\r\n"),
                  {400, "Idempotency-Key", "invalid_value",
                   "invalid value for 'Idempotency-Key': \"" + shows +
                       "\" (allowed: 1 to 255 printable ASCII characters without spaces)"});
}

TEST_CASE("a value in a message is cut, and nothing of it can break the answer") {
  gateway_fixture g;
  auto a = g.create(R"({"prompt":"p","model":")" + std::string(5000, 'x') + R"(\r\n\u001b[31m\u2028"})");
  check_refused(a, {422, "model", "invalid_value",
                    "invalid value for 'model': \"" + std::string(64, 'x') + "...\" (allowed: null, tight)"});
  check_refused(g.create(R"({"prompt":"p","model":"\r\n\u001b[31m\u2028"})"),
                {422, "model", "invalid_value", "invalid value for 'model': \"??[31m?\" (allowed: null, tight)"});
  check_refused(g.ask("GET", "/v1/videos/%e2%80%a8%22%3cscript%3e"), not_found("\"?\"<script>\""));
}

TEST_CASE("a request id cannot carry another header") {
  gateway_fixture g;
  auto a = g.ask("GET", "/v1/models", {}, "X-Request-Id: a\tb\r\n");
  CHECK(a.header("x-request-id").starts_with("req_"));
  CHECK(
      g.ask("GET", "/v1/models", {}, "X-Request-Id: " + std::string(129, 'a') + "\r\n").header("x-request-id").size() ==
      20);
}
