#include "actors/gateway/api/api.hpp"

#include <algorithm>
#include <cstring>
#include <prometheus/text_serializer.h>
#include <stdexcept>

namespace reel {

namespace {

constexpr std::size_t request_id_bytes_max = 128;

/// The client's own id when it is short and plain, else a random one.
std::string request_id_of(const http_request& request) {
  auto given = request.header("x-request-id");
  auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  if (!given.empty() && given.size() <= request_id_bytes_max && std::ranges::all_of(given, plain))
    return std::string{given};
  std::uint8_t random[8];
  pooled_random(random, sizeof random);
  return "req_" + to_hex(random, sizeof random);
}

/// "Bearer KEY", any case of the word.
std::string_view bearer_of(const http_request& request) {
  auto text = request.header("authorization");
  constexpr std::string_view scheme = "bearer ";
  auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  if (text.size() <= scheme.size() || !std::ranges::equal(text.substr(0, scheme.size()), scheme, same)) return {};
  return text.substr(scheme.size());
}

bool has_id(route r) { return r >= route::video; }

std::optional<http_target> target_of(const http_request& request) {
  return parse_target(request.target == "*" ? "/" : std::string_view{request.target});
}

api_error bad_path() { return {.status = 400, .code = "bad_path", .message = "the path or query is malformed"}; }

std::optional<api_error> check_route(const http_request& request, route where) {
  const auto& info = info_of(where);
  if (where == route::unknown) {
    bool whole_server = request.target == "*" && request.method == http_method::options;
    if (whole_server) return {};
    return api_error{.status = 404, .code = "unknown_path", .message = "there is nothing at this path"};
  }
  if (allows(info, request.method)) return {};
  return api_error{.status = 405,
                   .code = "method_not_allowed",
                   .message = "this method is not allowed here (allowed: " + std::string{info.methods} + ")",
                   .allow = std::string{info.methods}};
}

/// What a request may ask of a model, and what it gets when it does not: for whoever makes a form of it.
std::string about(const model_profile& p) {
  std::string text;
  json_writer json{text};
  json.open().key("size").text(to_string(p.size_default)).key("sizes").open('[');
  for (const auto& s : p.sizes) json.text(to_string(s));
  json.close(']').key("size_multiple").number(p.size_multiple).key("side_max").number(p.side_max);
  json.key("num_frames").number(p.frames_default).key("num_frames_max").number(p.frames_max);
  json.key("fps").number(p.fps_default).key("steps").number(p.steps_default).key("steps_max").number(p.steps_max);
  json.key("steps_preview").number(p.steps_preview).close();
  return text;
}

http_response json_response() {
  http_response r;
  r.add("content-type", "application/json");
  return r;
}

} // namespace

void pooled_random(std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t pool_bytes = 256;
  static thread_local std::array<std::uint8_t, pool_bytes> pool;
  static thread_local std::size_t used = pool_bytes;
  if (used + size > pool_bytes) {
    os_random(pool.data(), pool_bytes);
    used = 0;
  }
  std::memcpy(bytes, pool.data() + used, size);
  std::memset(pool.data() + used, 0, size); // what was given out is nobody else's
  used += size;
}

std::string_view query_value(const http_target& target, std::string_view name) {
  for (const auto& [key, value] : target.query)
    if (key == name) return value;
  return {};
}

std::optional<api_error> check_query(const http_target& target, std::initializer_list<std::string_view> known) {
  for (std::size_t i = 0; i < target.query.size(); ++i) {
    const auto& name = target.query[i].first;
    auto same = [&](const auto& pair) { return pair.first == name; };
    bool twice = std::any_of(target.query.begin(), target.query.begin() + static_cast<std::ptrdiff_t>(i), same);
    if (std::ranges::find(known, name) != known.end() && !twice) continue;
    auto why = (twice ? "query parameter given twice: " : "unknown query parameter ") + shown(name);
    return api_error{.status = 422, .code = "unknown_field", .message = why, .param = name};
  }
  return {};
}

void api_answer::send(http_response r) const {
  r.add("x-request-id", request_id);
  r.headers += limits;
  metrics->answered(where, r.status, std::chrono::steady_clock::now() - started);
  reply.send(std::move(r));
}

void api_answer::fail(api_error e) const {
  constexpr std::chrono::seconds exact_below{5}; // a tenant's own rate, and what is short anyway
  constexpr std::chrono::seconds most{49};       // with the spread 58: the SDKs do not wait longer than a minute
  if (e.retry && e.retry_after > exact_below) {
    std::uint8_t random;
    pooled_random(&random, 1);
    e.retry_after = std::min(e.retry_after, most) * (80 + random % 41) / 100;
  }
  send(to_response(e));
}

void api_answer::send_video(const job_view& view) const {
  auto r = json_response();
  r.add("openai-poll-after-ms", std::to_string(poll_after(view).count()));
  json_writer json{r.body};
  write_video(json, view, video);
  send(std::move(r));
}

gateway_api::gateway_api(parts p)
    : parts_{std::move(p)}, access_{std::make_shared<gateway_access>(*parts_.tenants, nullptr)},
      metrics_{std::make_shared<gateway_metrics>(*parts_.registry)} {
  if (parts_.models.empty()) throw std::invalid_argument{"the gateway needs at least one model"};
  for (const auto& m : parts_.models) {
    if (auto wrong = problem_of(m.profile); !wrong.empty())
      throw std::invalid_argument{"model '" + m.profile.id.value + "': " + wrong};
    auto tokens = m.tokenizer ? m.tokenizer->encode(m.profile.negative_prompt) : std::vector<std::int32_t>{};
    negative_tokens_.push_back(std::move(tokens));
  }
}

std::shared_ptr<const gateway_access> gateway_api::access() const {
  std::lock_guard lock{mutex_};
  return access_;
}

void gateway_api::use(tenant_directory tenants) {
  std::lock_guard lock{mutex_};
  access_ = std::make_shared<gateway_access>(std::move(tenants), access_.get());
}

wall_time gateway_api::wall_now() const {
  if (parts_.wall_clock) return parts_.wall_clock();
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void gateway_api::handle(const http_request& request, http_reply reply) {
  api_answer answer{.reply = std::move(reply),
                    .metrics = metrics_,
                    .video = parts_.video,
                    .started = std::chrono::steady_clock::now(),
                    .request_id = request_id_of(request)};
  auto target = target_of(request);
  if (!target) return answer.fail(bad_path());
  auto found = find_route(*target);
  answer.where = found.where;
  const auto who_may = access();
  const tenant* who = nullptr;
  auto refused = identify(request, *target, found.where, *who_may, who);
  const bool is_create = found.where == route::videos && request.method == http_method::post;
  if (!refused && who) refused = slow_down(*who_may, *who, is_create, answer);
  if (!refused) refused = check_route(request, found.where);
  if (refused) return answer.fail(*refused);
  call c{request, *target, who_may, who, {}, std::move(answer)};
  if (request.method == http_method::options) {
    http_response r{.status = 204};
    r.add("allow", info_of(found.where).methods);
    return c.answer.send(std::move(r));
  }
  if (has_id(found.where)) {
    auto id = parse_job_id(found.id);
    if (!id) return c.answer.fail(error_of(errc::not_found, shown(found.id)));
    c.job = *id;
  }
  dispatch(c);
}

std::optional<http_response> gateway_api::check_head(const http_request& head) const {
  auto where = route::unknown;
  auto refused = check_head(head, where);
  if (!refused) return {};
  auto r = to_response(*refused);
  r.add("x-request-id", request_id_of(head));
  metrics_->answered(where, r.status, {});
  return r;
}

std::optional<api_error> gateway_api::check_head(const http_request& head, route& where) const {
  auto target = target_of(head);
  if (!target) return bad_path();
  where = find_route(*target).where;
  const auto who_may = access();
  const tenant* who = nullptr;
  if (auto refused = identify(head, *target, where, *who_may, who)) return refused;
  if (auto refused = check_route(head, where)) return refused;
  if (who) return {};
  return api_error{.status = 413, .code = "body_too_large", .message = "no body is expected here"};
}

/// Routes of /v1 that do not exist need a key too: who has none learns nothing about which there are.
std::optional<api_error> gateway_api::identify(const http_request& request, const http_target& target, route where,
                                               const gateway_access& access, const tenant*& who) {
  bool needs_key = info_of(where).needs_key;
  if (where == route::unknown) needs_key = !target.path.empty() && target.path[0] == "v1";
  if (!needs_key) return {};
  auto key = bearer_of(request);
  who = key.empty() ? nullptr : access.tenants.find(key);
  if (who) return {};
  return api_error{
      .status = 401, .code = "invalid_api_key", .message = "a valid API key is needed: Authorization: Bearer reel-..."};
}

std::optional<api_error> gateway_api::slow_down(const gateway_access& access, const tenant& who, bool is_create,
                                                api_answer& answer) {
  const auto rate = access.take(who, std::chrono::steady_clock::now());
  if (is_create || rate.wait.count() > 0) answer.add_limits(rate, who);
  if (rate.wait.count() <= 0) return {};
  return api_error{.status = 429,
                   .code = "rate_limited",
                   .message = "too many requests a second for this account; slow down",
                   .retry_after = std::chrono::ceil<std::chrono::seconds>(rate.wait)};
}

std::shared_ptr<void> gateway_api::take_event_stream(const call& c) const {
  return c.access->take_event_stream(*c.who, parts_.event_streams_max);
}

void gateway_api::dispatch(const call& c) {
  switch (c.answer.where) {
  case route::page: return on_page(c);
  case route::page_file: return on_page_file(c);
  case route::healthz: return on_healthz(c);
  case route::readyz: return on_readyz(c);
  case route::metrics: return on_metrics(c);
  case route::models: return on_models(c);
  case route::account: return on_account(c);
  case route::line: return on_line(c);
  case route::line_events: return on_line_events(c);
  case route::own_events: return on_own_events(c);
  case route::timeline: return on_timeline(c);
  case route::quota: return on_quota(c);
  case route::videos: return c.request.method == http_method::post ? on_create(c) : on_list(c);
  case route::video: return c.request.method == http_method::delete_ ? on_delete(c) : on_read(c);
  case route::content: return on_content(c);
  case route::cancel: return on_cancel(c);
  case route::reprioritise: return on_reprioritise(c);
  case route::final_video: return on_final(c);
  case route::queue_pause: return on_set_pause(c, true);
  case route::queue_resume: return on_set_pause(c, false);
  case route::breakers: return on_set_breaker(c);
  case route::events: return on_events(c);
  case route::unknown: break;
  }
}

void gateway_api::on_healthz(const call& c) const {
  auto r = json_response();
  const auto lives = parts_.health ? parts_.health->lives(std::chrono::steady_clock::now()) : health_verdict{};
  r.status = lives.good ? 200 : 503;
  r.body = to_json(lives, "alive");
  c.answer.send(std::move(r));
}

void gateway_api::on_readyz(const call& c) const {
  auto state = parts_.to->readiness();
  if (draining_) state.reasons.emplace_back("draining");
  auto r = json_response();
  r.status = state.ready && !draining_ ? 200 : 503;
  if (r.status == 503) r.add("retry-after", "2");
  json_writer json{r.body};
  json.open().key("ready").boolean(r.status == 200).key("reasons").open('[');
  for (const auto& reason : state.reasons) json.text(reason);
  json.close(']').close();
  c.answer.send(std::move(r));
}

void gateway_api::on_metrics(const call& c) const {
  if (parts_.open) metrics_->set_connections(*parts_.open);
  http_response r;
  r.add("content-type", "text/plain; version=0.0.4; charset=utf-8");
  r.body = prometheus::TextSerializer{}.Serialize(parts_.registry->Collect());
  c.answer.send(std::move(r));
}

void gateway_api::on_models(const call& c) const {
  auto r = json_response();
  json_writer json{r.body};
  json.open().key("object").text("list").key("data").open('[');
  for (const auto& m : parts_.models)
    json.open()
        .key("id")
        .text(m.profile.id.value)
        .key("object")
        .text("model")
        .key("created")
        .number(0)
        .key("owned_by")
        .text("reelworks")
        .key("reel")
        .raw(about(m.profile))
        .close();
  json.close(']').close();
  c.answer.send(std::move(r));
}

} // namespace reel
