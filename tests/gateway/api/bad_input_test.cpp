// bad_input_test.cpp: Every route with every method and every kind of bad request has its status and says
// what is wrong, as JSON. Method: walk the route table itself, so that a new route is in here without
// anybody's doing.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/gateway_fixture.hpp"

using namespace reel;

namespace {

const std::vector<std::string> methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"};

/// Every error has the same shape, whatever it is.
void check_error(const client_answer& a, int status) {
  CHECK(a.status == status);
  CHECK_FALSE(a.header("x-request-id").empty());
  if (a.body.empty()) return; // HEAD
  CHECK(a.header("content-type") == "application/json");
  auto error = parsed(a).at("error").as_object();
  CHECK(error.size() == 4);
  CHECK_FALSE(error.at("message").as_string().empty());
  CHECK_FALSE(error.at("type").as_string().empty());
  CHECK((error.at("param").is_null() || error.at("param").is_string()));
  CHECK(error.at("code").is_string());
}

std::string path_of(const route_info& r, const std::string& id) {
  std::string path{r.name};
  if (auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, id);
  return path;
}

bool has_id(const route_info& r) { return r.name.find("{id}") != std::string_view::npos; }

bool is_allowed(const route_info& r, const std::string& method) {
  return (", " + std::string{r.methods} + ",").find(", " + method + ",") != std::string::npos;
}

std::string body_for(const route_info& r, const std::string& method) {
  return r.where == route::videos && method == "POST" ? R"({"prompt":"p"})" : "";
}

struct body_row {
  const char* what;
  std::string content_type, body;
  int status;
  const char* says;
};

std::string form(const std::string& parts) { return parts + "--b--\r\n"; }
std::string part(const std::string& head, const std::string& content) {
  return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
}

const std::string json = "application/json", multipart = "multipart/form-data; boundary=b";

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
  std::string text;
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
        check_error(a, 401);
        CHECK(a.header("www-authenticate") == "Bearer");
        if (method == "HEAD") continue;
        if (text.empty()) text = a.body;
        CHECK(a.body == text); // the same words for all
      }
  for (auto path : {"/v1", "/v1/", "/v1/files", "/v1/batches", "/v1/admin"})
    CHECK(http_client{g.server->port()}.ask("GET", path).status == 401);
  CHECK(g.line->jobs().size() == 1);
}

TEST_CASE("every method that a route does not have is 405 with Allow, OPTIONS is 204 with Allow") {
  gateway_fixture g;
  for (const auto& r : all_routes())
    for (const auto& method : methods) {
      if (r.where == route::events && method == "GET") continue; // never ends by itself: events_test
      auto id = has_id(r) ? to_string(g.make_job()) : "";
      auto a = g.ask(method, path_of(r, id), body_for(r, method));
      INFO(method << ' ' << r.name);
      if (method == "OPTIONS") {
        CHECK(a.status == 204);
        CHECK(a.header("allow") == r.methods);
      } else if (is_allowed(r, method))
        CHECK((a.status == 200 || a.status == 409)); // 409: content of a fresh job
      else {
        check_error(a, 405);
        CHECK(a.header("allow") == r.methods);
      }
    }
}

TEST_CASE("ids that are unknown, malformed or another tenant's are 404 alike on every route and method") {
  gateway_fixture g;
  auto foreign = to_string(g.make_job(g.auth(g.other_key)));
  const std::vector<std::string> ids{foreign,
                                     "video_00000000000070008000000000000000",
                                     "video_1",
                                     "x",
                                     "..%2f..",
                                     "video_0000000000007000800000000000000G",
                                     "%00",
                                     std::string(200, 'a'),
                                     "batch_00000000000070008000000000000000",
                                     "%e4%b8%80"};
  for (const auto& r : all_routes()) {
    if (!has_id(r)) continue;
    for (const auto& method : methods) {
      if (!is_allowed(r, method) || method == "OPTIONS") continue;
      for (const auto& id : ids) {
        INFO(method << ' ' << path_of(r, id));
        auto a = g.ask(method, path_of(r, id));
        bool no_path = id.starts_with("..") || id == "%00";
        check_error(a, no_path ? 400 : 404);
        if (id == foreign && method != "HEAD")
          CHECK(parsed(a).at("error").at("message").as_string() == foreign + " does not exist");
      }
    }
  }
  CHECK(g.line->jobs().size() == 1);
  CHECK(g.line->jobs()[0].state == job_state::queued);
}

TEST_CASE("paths that are no route are 404, also those that come later") {
  gateway_fixture g;
  for (auto path : {"/", "/v1", "/v1/videos/a/b", "/v1/files", "/v1/batches", "/v1/videos/x/remix", "/openapi.json",
                    "/dashboard", "/admin", "/v1/admin", "/index.html", "/v2/videos"})
    for (const auto& method : methods) {
      INFO(method << ' ' << path);
      check_error(g.ask(method, path), 404);
    }
  check_error(g.ask("GET", "/v1/videos//x"), 400);
  check_error(g.ask("GET", "/%zz"), 400);
  CHECK(g.ask("OPTIONS", "*").status == 204);
}

TEST_CASE("query parameters that are unknown, doubled or out of range are refused by name") {
  gateway_fixture g;
  auto id = to_string(g.make_job());
  struct row {
    std::string method, target;
    const char* param;
    const char* says;
  };
  for (const auto& [method, target, param, says] :
       {row{"GET", "/v1/videos?limit=0", "limit", "\"0\" (allowed: 1 to 100)"},
        row{"GET", "/v1/videos?limit=101", "limit", "1 to 100"}, row{"GET", "/v1/videos?limit=-1", "limit", "1 to 100"},
        row{"GET", "/v1/videos?limit=5x", "limit", "1 to 100"},
        row{"GET", "/v1/videos?limit=99999999999", "limit", "1 to 100"},
        row{"GET", "/v1/videos?order=up", "order", "asc, desc"},
        row{"GET", "/v1/videos?after=video_1", "after", "the id of a video"},
        row{"GET", "/v1/videos?limit=1&limit=2", "limit", "given twice"},
        row{"GET", "/v1/videos?before=x", "before", "unknown query parameter \"before\""},
        row{"POST", "/v1/videos?dry_run=1", "dry_run", "unknown query parameter"},
        row{"GET", "/v1/videos/" + id + "?x=1", "x", "unknown query parameter"},
        row{"DELETE", "/v1/videos/" + id + "?force=1", "force", "unknown query parameter"},
        row{"POST", "/v1/videos/" + id + "/cancel?x=1", "x", "unknown query parameter"},
        row{"GET", "/v1/videos/" + id + "/events?x=1", "x", "unknown query parameter"},
        row{"GET", "/v1/videos/" + id + "/content?variant=spritesheet", "variant", "allowed: video, thumbnail"},
        row{"GET", "/v1/videos/" + id + "/content?variant=..%2fkey", "variant", "allowed: video, thumbnail"},
        row{"GET", "/v1/videos/" + id + "/content?x=1", "x", "unknown query parameter"}}) {
    INFO(method << ' ' << target);
    auto a = g.ask(method, target, method == "POST" ? R"({"prompt":"p"})" : "");
    check_error(a, 422);
    auto error = parsed(a).at("error").as_object();
    CHECK(error.at("param").as_string() == param);
    CHECK(std::string{error.at("message").as_string()}.find(says) != std::string::npos);
  }
}

TEST_CASE("bodies that are broken, of a wrong type or too large are refused and leave nothing behind") {
  gateway_fixture g;
  const std::vector<body_row> rows{
      {"no type", "", R"({"prompt":"p"})", 415, "Content-Type"},
      {"form encoding", "application/x-www-form-urlencoded", "prompt=p", 415, "application/json, multipart/form-data"},
      {"text", "text/plain", "p", 415, "Content-Type"},
      {"empty", json, "", 400, "invalid JSON"},
      {"half", json, R"({"prompt":)", 400, "invalid JSON"},
      {"list", json, "[]", 400, "must be a JSON object"},
      {"two", json, R"({"prompt":"p"}{})", 400, "invalid JSON"},
      {"doubled", json, R"({"prompt":"p","prompt":"q"})", 400, "\"prompt\" stands there twice"},
      {"deep", json, R"({"prompt":)" + std::string(5000, '['), 400, "invalid JSON"},
      {"wrong bytes", json, "{\"prompt\":\"\xff\"}", 400, "invalid JSON"},
      {"unknown", json, R"({"prompt":"p","n":2})", 422, "unknown field \"n\""},
      {"no boundary", "multipart/form-data", form(part("name=\"prompt\"", "p")), 400, "boundary"},
      {"other boundary", "multipart/form-data; boundary=c", form(part("name=\"prompt\"", "p")), 400, "boundary"},
      {"open end", multipart, part("name=\"prompt\"", "p"), 400, "multipart/form-data"},
      {"twice", multipart, form(part("name=\"prompt\"", "p") + part("name=\"prompt\"", "q")), 400, "comes twice"},
      {"bad text", multipart, form(part("name=\"prompt\"", "\xff")), 422, "invalid UTF-8 at byte 0"},
      {"a file", multipart,
       form(part("name=\"prompt\"", "p") + part("name=\"input_reference\"; filename=\"a.png\"", "PNG")), 422,
       "from text only"},
      {"a strange file", multipart, form(part("name=\"prompt\"", "p") + part("name=\"x\"; filename=\"a\"", "1")), 422,
       "unknown field \"x\""},
      {"prompt as file", multipart, form(part("name=\"prompt\"; filename=\"a\"", "p")), 422,
       "a file (allowed: a text)"},
      {"too large", json, R"({"prompt":")" + std::string(1 << 20, 'a') + "\"}", 413, "too large"},
      {"long prompt", json, R"({"prompt":")" + std::string(9000, 'a') + "\"}", 422, "9000 bytes"},
  };
  for (const auto& r : rows) {
    INFO(r.what);
    http_client client{g.server->port()};
    auto type = r.content_type.empty() ? "" : "Content-Type: " + r.content_type + "\r\n";
    auto a = client.ask("POST", "/v1/videos", g.auth() + type, r.body);
    if (r.status == 413)
      CHECK(a.status == 413); // refused before anybody knew whose it is
    else
      check_error(a, r.status);
    CHECK(std::string{parsed(a).at("error").at("message").as_string()}.find(r.says) != std::string::npos);
  }
  CHECK(g.line->jobs().empty());
}

TEST_CASE("idempotency keys are printable and bounded") {
  gateway_fixture g;
  CHECK(g.create(R"({"prompt":"p"})", "Idempotency-Key: " + std::string(255, 'k') + "\r\n").status == 200);
  for (const auto& key : {std::string(256, 'k'), std::string{"a b"}, std::string{"caf\xc3\xa9"}})
    check_error(g.create(R"({"prompt":"p"})", "Idempotency-Key: " + key + "\r\n"), 400);
}

TEST_CASE("a value in a message is cut, and nothing of it can break the answer") {
  gateway_fixture g;
  auto a = g.create(R"({"prompt":"p","model":")" + std::string(5000, 'x') + R"(\r\n\u001b[31m\u2028"})");
  check_error(a, 422);
  CHECK(a.body.size() < 400);
  CHECK(a.body.find('\x1b') == std::string::npos);
  auto id = g.ask("GET", "/v1/videos/%e2%80%a8%22%3cscript%3e");
  check_error(id, 404);
}

TEST_CASE("a request id cannot carry another header") {
  gateway_fixture g;
  auto a = g.ask("GET", "/v1/models", {}, "X-Request-Id: a\tb\r\n");
  CHECK(a.header("x-request-id").starts_with("req_"));
  CHECK(
      g.ask("GET", "/v1/models", {}, "X-Request-Id: " + std::string(129, 'a') + "\r\n").header("x-request-id").size() ==
      20);
}
