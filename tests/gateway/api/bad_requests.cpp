#include "tests/gateway/api/bad_requests.hpp"

#include <catch2/catch_test_macros.hpp>

namespace reel {

namespace {

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

refusal invalid(const std::string& field, const std::string& value, const std::string& allowed) {
  return {422, field, "invalid_value", "invalid value for '" + field + "': " + value + " (allowed: " + allowed + ")"};
}
refusal unknown_field(const std::string& field, const std::string& full_name) {
  return {422, field, "unknown_field", "unknown field \"" + full_name + '"'};
}
refusal invalid_form(const std::string& why) { return {400, "", "invalid_form", "multipart/form-data: " + why}; }
refusal invalid_json(const std::string& why) { return {400, "", "invalid_json", "invalid JSON" + why}; }

bad_request create(std::string what, std::string type, std::string body, refusal expected) {
  return {std::move(what), "POST", "/v1/videos", std::move(type), std::move(body), std::move(expected)};
}

/// A value, as it stands in JSON and in a form.
struct value_row {
  std::string name, json, form;
  refusal expected;
};

std::vector<value_row> value_rows() {
  const std::string size_form = "\"WIDTHxHEIGHT\" in pixels, for example \"832x480\"";
  const std::string sizes = "width and height multiples of 16 up to 1280";
  const std::string pairs =
      "up to 16 pairs of texts, keys of 1 to 512 bytes without [ and ], values of at most 512 bytes";
  const std::string big(8193, 'a'), metadata(513, 'a');
  auto text = [](const std::string& t) { return '"' + t + '"'; };
  return {
      {"prompt", text(""), "", invalid("prompt", "\"\"", "a text that is not empty")},
      {"prompt", text(" \\n "), " \r\n ", invalid("prompt", "\" ? \"", "a text that is not empty")},
      {"prompt", text(big), big, invalid("prompt", "8193 bytes", "at most 8192 bytes of UTF-8")},
      {"prompt", text("a\\u0000b"), std::string{"a\0b", 3},
       invalid("prompt", "control character U+0000 at byte 1",
               "UTF-8 text without control characters other than tab and newline")},
      {"negative_prompt", text(big), big, invalid("negative_prompt", "8193 bytes", "at most 8192 bytes of UTF-8")},
      {"size", text("1x1"), "1x1", invalid("size", "1x1", sizes)},
      {"size", text("1296x16"), "1296x16", invalid("size", "1296x16", sizes)},
      {"size", text("832*480"), "832*480", invalid("size", "\"832*480\"", size_form)},
      {"size", text(""), "", invalid("size", "\"\"", size_form)},
      {"num_frames", "80", "80", invalid("num_frames", "80", "4n+1 from 1 to 81")},
      {"num_frames", "85", "85", invalid("num_frames", "85", "4n+1 from 1 to 81")},
      {"seconds", "6", "6", invalid("seconds", "6.000000", "at most 81 frames at 16 frames a second")},
      {"num_inference_steps", "101", "101", invalid("num_inference_steps", "101", "1 to 100")},
      {"model", text("sora-2"), "sora-2", invalid("model", "\"sora-2\"", "null, tight")},
      {"colour", text("red"), "red", unknown_field("colour", "colour")},
      {"tenant", text("other"), "other", unknown_field("tenant", "tenant")},
      {"class",
       text("urgent"),
       "urgent",
       {403, "class", "class_not_allowed", "class 'urgent' is not open to this account (allowed: standard, free)"}},
      {"deadline", text("2001-01-01T00:00:00Z"), "2001-01-01T00:00:00Z",
       invalid("deadline", "a time that is past or too far away", "from now to 7 days from now")},
      {"webhook_url",
       text("https://x"),
       "https://x",
       {422, "webhook_url", "no_webhook_secret",
        "webhook_url: this account has no secret to sign webhooks with; an operator adds one"}},
      {"guidance_scale_2",
       "3",
       "3",
       {422, "guidance_scale_2", "ambiguous_field",
        "guidance_scale_2 means different experts in different servers: use guidance_scale_high and "
        "guidance_scale_low"}},
      {"metadata", text("x"), "x", invalid("metadata", "\"x\"", pairs)},
  };
}

} // namespace

std::string form_part_of(const std::string& head, const std::string& content) {
  return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
}
std::string form_field(const std::string& name, const std::string& content) {
  return form_part_of("name=\"" + name + '"', content);
}
std::string form_of(const std::string& parts) { return parts + "--b--\r\n"; }

std::string chunked(const std::string& body, std::size_t chunk_bytes) {
  std::string text;
  for (std::size_t at = 0; at < body.size(); at += chunk_bytes) {
    auto piece = body.substr(at, chunk_bytes);
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    ((text += size) += piece) += "\r\n";
  }
  return text + "0\r\n\r\n";
}

std::vector<bad_request> bad_values() {
  std::vector<bad_request> all;
  for (const auto& r : value_rows()) {
    auto what = r.name + " = " + r.form.substr(0, 40);
    bool of_prompt = r.name == "prompt";
    auto json = of_prompt ? "{" : R"({"prompt":")" + canary_prompt + "\",";
    auto form = of_prompt ? "" : form_field("prompt", canary_prompt);
    all.push_back(create("JSON " + what, json_type, json + '"' + r.name + "\":" + r.json + "}", r.expected));
    all.push_back(create("form " + what, form_type, form_of(form + form_field(r.name, r.form)), r.expected));
  }
  const auto prompt = form_field("prompt", canary_prompt);
  const std::string fps = "a whole number from 1 to 60";
  all.push_back(create("JSON fps", json_type, R"({"prompt":"p","fps":61})", invalid("fps", "61", fps)));
  all.push_back(create("JSON fps as text", json_type, R"({"prompt":"p","fps":"8"})", invalid("fps", "\"8\"", fps)));
  all.push_back(
      create("form fps", form_type, form_of(prompt + form_field("fps", "61")), invalid("fps", "\"61\"", fps)));
  const refusal no_prompt{422, "prompt", "missing_field", "missing field 'prompt'"};
  all.push_back(create("JSON without", json_type, "{}", no_prompt));
  all.push_back(create("form without", form_type, "--b--", no_prompt));
  all.push_back(create("form key", form_type, form_of(prompt + form_field("seconds[x]", "4")),
                       unknown_field("seconds", "seconds[x]")));
  all.push_back(create("form name that is no UTF-8", form_type, form_of(prompt + form_field("a\xff\xc3", "4")),
                       unknown_field("a??", "a??")));
  std::string long_name = "a";
  for (int i = 0; i < 40; ++i) long_name += "\u00e9";
  all.push_back(create("form name that is too long to show", form_type, form_of(prompt + form_field(long_name, "4")),
                       unknown_field(long_name.substr(0, 63), long_name.substr(0, 63) + "...")));
  all.push_back(create("form prompt that is no UTF-8", form_type, form_of(form_field("prompt", "\xff")),
                       invalid("prompt", "invalid UTF-8 at byte 0",
                               "UTF-8 text without control characters other than tab and newline")));
  const refusal only_text{422, "input_reference", "unsupported",
                          "input_reference: the models here make videos from text only"};
  all.push_back(create("file", form_type,
                       form_of(prompt + form_part_of("name=\"input_reference\"; filename=\"a.png\"", "PNG")),
                       only_text));
  all.push_back(create("file unknown", form_type, form_of(prompt + form_part_of("name=\"x\"; filename=\"a\"", "1")),
                       unknown_field("x", "x")));
  all.push_back(create("file as prompt", form_type, form_of(form_part_of("name=\"prompt\"; filename=\"a\"", "p")),
                       invalid("prompt", "a file", "a text")));
  return all;
}

std::vector<bad_request> broken_bodies() {
  const auto good = R"({"prompt":")" + canary_prompt + "\"}";
  const auto field = form_field("prompt", canary_prompt);
  auto no_type = [](const std::string& shown) {
    return refusal{415, "Content-Type", "unsupported_media_type",
                   "Content-Type \"" + shown + "\" is not accepted (allowed: application/json, multipart/form-data)"};
  };
  const std::string parts_end = "the last part does not end with the boundary";
  return {
      create("no type", "", good, no_type("")),
      create("form encoding", type_line("application/x-www-form-urlencoded"), "prompt=" + canary_prompt,
             no_type("application/x-www-form-urlencoded")),
      create("text", type_line("text/plain"), canary_prompt, no_type("text/plain")),
      create("empty", json_type, "", invalid_json(" at byte 0: *")),
      create("half", json_type, good.substr(0, 20), invalid_json(" at byte 20: *")),
      create("list", json_type, "[]", invalid_json(": the body must be a JSON object")),
      create("text", json_type, '"' + canary_prompt + '"', invalid_json(": the body must be a JSON object")),
      create("two", json_type, good + "{}", invalid_json(": something stands behind the object")),
      create("doubled", json_type, R"({"prompt":"p","prompt":"q"})",
             invalid_json(": the key \"prompt\" stands there twice")),
      create("deep", json_type, R"({"prompt":)" + std::string(5000, '['), invalid_json(" at byte *")),
      create("wrong bytes", json_type, "{\"prompt\":\"\xff\"}", invalid_json(" at byte *")),
      create("no boundary", type_line("multipart/form-data"), form_of(field),
             invalid_form("the boundary is missing or malformed")),
      create("other boundary", type_line("multipart/form-data; boundary=c"), form_of(field),
             invalid_form("the body does not begin with the boundary")),
      create("empty form", form_type, "", invalid_form("the body does not begin with the boundary")),
      create("open end", form_type, field, invalid_form(parts_end)),
      create("half a form", form_type, field.substr(0, field.size() - 5), invalid_form(parts_end)),
      create("part without a name", form_type, form_of(form_part_of("x=1", canary_prompt)),
             invalid_form("a part has a malformed Content-Disposition header")),
      create("field twice", form_type, form_of(field + field), invalid_form("the field \"prompt\" comes twice")),
  };
}

std::vector<bad_request> too_large_bodies() {
  const std::string big(limits::http_body_bytes_max, 'x');
  const auto json = R"({"prompt":")" + canary_prompt + big + "\"}",
             form = form_of(form_field("prompt", canary_prompt + big));
  const std::string in_chunks = "Transfer-Encoding: chunked\r\n";
  const refusal too_large{413, "", "body_too_large", "the body is too large"};
  std::vector<bad_request> all{
      create("JSON", json_type, json, too_large),
      create("form", form_type, form, too_large),
      create("JSON in chunks", json_type + in_chunks, chunked(json, 50'000), too_large),
      create("form in chunks", form_type + in_chunks, chunked(form, 50'000), too_large),
      create("one chunk", json_type + in_chunks, chunked(json, json.size()), too_large),
  };
  for (const auto& r : all_routes())
    for (std::string method : {"GET", "POST", "DELETE"}) {
      if (!is_allowed(r, method)) continue;
      auto path = path_of(r, "video_00000000000070008000000000000000");
      all.push_back({method + ' ' + path, method, path, json_type, json, too_large});
    }
  return all;
}

std::vector<bad_request> bad_queries(const std::string& id) {
  auto unknown = [](const std::string& name) {
    return refusal{422, name, "unknown_field", "unknown query parameter \"" + name + '"'};
  };
  auto limit = [](const std::string& value) { return invalid("limit", '"' + value + '"', "1 to 100"); };
  auto variant = [](const std::string& value) { return invalid("variant", '"' + value + '"', "video, thumbnail"); };
  const std::string list = "/v1/videos?", one = "/v1/videos/" + id;
  std::vector<bad_request> all{
      {"", "GET", list + "limit=0", "", "", limit("0")},
      {"", "GET", list + "limit=101", "", "", limit("101")},
      {"", "GET", list + "limit=-1", "", "", limit("-1")},
      {"", "GET", list + "limit=5x", "", "", limit("5x")},
      {"", "GET", list + "limit=99999999999", "", "", limit("99999999999")},
      {"",
       "GET",
       list + "limit=1&limit=2",
       "",
       "",
       {422, "limit", "unknown_field", "query parameter given twice: \"limit\""}},
      {"", "GET", list + "order=up", "", "", invalid("order", "\"up\"", "asc, desc")},
      {"", "GET", list + "after=video_1", "", "", invalid("after", "\"video_1\"", "the id of a video")},
      {"", "GET", list + "before=x", "", "", unknown("before")},
      {"", "GET", list + "%ff%fe=1", "", "", unknown("??")},
      {"", "GET", list + "%0d%0a=1", "", "", unknown("??")},
      {"", "POST", list + "dry_run=1", json_type, R"({"prompt":")" + canary_prompt + "\"}", unknown("dry_run")},
      {"", "GET", one + "?x=1", "", "", unknown("x")},
      {"", "DELETE", one + "?force=1", "", "", unknown("force")},
      {"", "POST", one + "/cancel?x=1", "", "", unknown("x")},
      {"", "POST", one + "/reprioritise?x=1", json_type, R"({"class":"free"})", unknown("x")},
      {"", "POST", one + "/final?x=1", "", "", unknown("x")},
      {"", "POST", "/v1/queue/pause?x=1", "", "", unknown("x")},
      {"", "POST", "/v1/breakers?x=1", json_type, R"({"model":"null","order":"open"})", unknown("x")},
      {"", "GET", one + "/events?x=1", "", "", unknown("x")},
      {"", "GET", one + "/timeline?x=1", "", "", unknown("x")},
      {"", "GET", "/v1/events?x=1", "", "", unknown("x")},
      {"", "GET", "/v1/line?x=1", "", "", unknown("x")},
      {"", "GET", "/v1/line/events?x=1", "", "", unknown("x")},
      {"", "GET", "/v1/account?x=1", "", "", unknown("x")},
      {"", "GET", one + "/content?variant=spritesheet", "", "", variant("spritesheet")},
      {"", "GET", one + "/content?variant=..%2fkey", "", "", variant("../key")},
      {"", "GET", one + "/content?x=1", "", "", unknown("x")},
  };
  for (auto& r : all) r.what = r.method + ' ' + r.target;
  return all;
}

client_answer send(const gateway_fixture& g, const bad_request& r) {
  std::string text = r.method + ' ' + r.target + " HTTP/1.1\r\nHost: x\r\n" + r.headers;
  if (r.headers.find("Authorization") == std::string::npos) text += g.auth();
  if (r.headers.find("Idempotency-Key") == std::string::npos)
    text += "Idempotency-Key: " + canary_idempotency_key + "\r\n";
  if (r.headers.find("Transfer-Encoding") == std::string::npos)
    text += "Content-Length: " + std::to_string(r.body.size()) + "\r\n";
  http_client client{g.server->port()};
  (void)client.send(text + "\r\n" + r.body); // a refusal may come before the end of the body
  return client.answer(r.method == "HEAD");
}

void check_refused(const client_answer& a, const refusal& r, bool head_only) {
  CHECK(a.status == r.status);
  CHECK_FALSE(a.header("x-request-id").empty());
  CHECK(a.header("content-type") == "application/json");
  if (r.status == 429 || r.status == 503) CHECK_FALSE(a.header("retry-after").empty());
  if (head_only) {
    CHECK(a.body.empty());
    return;
  }
  INFO(a.body);
  auto whole = parsed(a);
  CHECK(whole.size() == 1);
  auto error = whole.at("error").as_object();
  CHECK(error.size() == 4);
  CHECK(error.at("type").as_string() == type_of(r.status));
  CHECK(error.at("code").as_string() == r.code);
  if (r.param.empty())
    CHECK(error.at("param").is_null());
  else
    CHECK(error.at("param").as_string() == r.param);
  std::string message{error.at("message").as_string()};
  if (r.message.ends_with('*')) message = message.substr(0, r.message.size() - 1) + '*';
  CHECK(message == r.message);
}

std::string path_of(const route_info& r, const std::string& id) {
  std::string path{r.name};
  if (auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, id);
  if (r.where == route::page_file) path = "/ui/app.js";
  return path;
}

bool is_for_operators(const route_info& r) {
  return r.where == route::queue_pause || r.where == route::queue_resume || r.where == route::breakers ||
         r.where == route::line || r.where == route::line_events;
}

std::string body_for(const route_info& r, const std::string& method) {
  if (r.where == route::videos && method == "POST") return R"({"prompt":"p"})";
  return r.where == route::reprioritise && method == "POST" ? R"({"class":"standard"})" : "";
}

bool never_ends(const route_info& r) { return r.where == route::events || r.where == route::own_events; }

bool has_id(const route_info& r) { return r.name.find("{id}") != std::string_view::npos; }

bool is_allowed(const route_info& r, const std::string& method) {
  return (", " + std::string{r.methods} + ",").find(", " + method + ",") != std::string::npos;
}

} // namespace reel
