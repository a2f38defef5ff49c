// Pauses, other classes and orders to circuit breakers: what changes the order of service. Each is logged with who gave
// it.
#include <algorithm>
#include <map>

#include "actors/gateway/api/api.hpp"
#include "actors/gateway/api/line_object.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

/// The one field that a command has, as a text; nothing where the body is empty.
outcome<std::optional<std::string>, api_error> only_field(const http_request& request, std::string_view name) {
  if (request.body.empty()) return std::optional<std::string>{};
  auto fields = read_fields(request.header("content-type"), request.body);
  if (!fields) return failed{fields.error()};
  std::optional<std::string> text;
  for (const auto& f : *fields) {
    if (f.full_name() != name)
      return failed{api_error{
          .status = 422, .code = "unknown_field", .message = "unknown field " + shown(f.full_name()), .param = f.name}};
    if (f.what == api_field::kind::null) continue;
    if (f.what != api_field::kind::text) return failed{invalid_value(name, "no text", "a text")};
    text = f.text;
  }
  return text;
}

std::string text_of(const pause_list& pauses) {
  std::string text;
  json_writer json{text};
  json.open().key("object").text("list").key("data").open('[');
  for (const auto& p : pauses.all) write_pause(json, p);
  json.close(']').close();
  return text;
}

http_response json_answer(std::string text) {
  http_response r;
  r.add("content-type", "application/json");
  r.body = std::move(text);
  return r;
}

bool is_named(const tenant_directory& tenants, const std::string& name) {
  return std::ranges::any_of(tenants.tenants(), [&name](const tenant& t) { return t.id.value == name; });
}

api_error refused_for(const reprioritise_answer& a, const std::string& id) {
  auto e = error_of(a.code, id);
  if (a.code == errc::quota_exceeded)
    e.message = "the quota of class " + std::string{to_string(a.to)} + " has no room for " + id;
  else if (!is_terminal(a.state))
    e.message = id + " runs: only a video that waits changes its class";
  return e;
}

} // namespace

void gateway_api::on_set_pause(const call& c, bool paused) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  if (!c.who->is_operator)
    return c.answer.fail({.status = 403, .code = "operators_only", .message = "this is for operators only"});
  auto name = only_field(c.request, "tenant");
  if (!name) return c.answer.fail(name.error());
  // One that has left the file since may still be resumed.
  if (*name && !(paused ? is_named(c.access->tenants, **name) : is_valid_name(**name)))
    return c.answer.fail(invalid_value("tenant", shown(**name), "the name of a tenant, or none for the whole queue"));
  set_pause m{{name->value_or("")}, paused, c.who->id};
  parts_.to->pause(m, [answer = c.answer, m](outcome<pause_list, errc> pauses) {
    log::info("queue command", {{"what", m.paused ? "pause" : "resume"},
                                {"tenant", m.tenant.value.empty() ? "all" : m.tenant.value},
                                {"by", m.by.value},
                                {"code", pauses ? errc::ok : pauses.error()}});
    if (!pauses) return answer.fail(error_of(pauses.error(), "the pause"));
    answer.send(json_answer(text_of(*pauses)));
  });
}

// ---------------------------------------------------------------- circuit breakers

namespace {

/// Texts by name; a field that is none of these, or no text, is refused.
outcome<std::map<std::string, std::string>, api_error> text_fields(const http_request& request,
                                                                   std::initializer_list<std::string_view> names) {
  std::map<std::string, std::string> texts;
  auto fields = read_fields(request.header("content-type"), request.body);
  if (!fields) return failed{fields.error()};
  for (const auto& f : *fields) {
    if (std::ranges::find(names, f.full_name()) == names.end())
      return failed{api_error{
          .status = 422, .code = "unknown_field", .message = "unknown field " + shown(f.full_name()), .param = f.name}};
    if (f.what == api_field::kind::null) continue;
    if (f.what != api_field::kind::text) return failed{invalid_value(f.name, "no text", "a text")};
    texts[f.name] = f.text;
  }
  return texts;
}

std::optional<breaker_order> parse_order(std::string_view text) {
  for (auto o : {breaker_order::reset, breaker_order::open, breaker_order::close})
    if (text == to_string(o)) return o;
  return {};
}

std::string text_of(const breakers_view& view) {
  std::string text;
  json_writer json{text};
  json.open().key("object").text("list").key("data").open('[');
  for (const auto& b : view.all) write_breaker(json, b);
  json.close(']').close();
  return text;
}

} // namespace

void gateway_api::on_set_breaker(const call& c) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  if (!c.who->is_operator)
    return c.answer.fail({.status = 403, .code = "operators_only", .message = "this is for operators only"});
  auto texts = text_fields(c.request, {"model", "device", "order"});
  if (!texts) return c.answer.fail(texts.error());
  set_breaker m{{(*texts)["model"]}, (*texts)["device"], {}, c.who->id};
  auto is_meant = [&m](const gateway_model& known) { return known.profile.id == m.model; };
  if (m.model != object_store_name && std::ranges::none_of(parts_.models, is_meant))
    return c.answer.fail(invalid_value("model", shown(m.model.value), "a model of this cluster or \"object-store\""));
  if (m.model == object_store_name && !m.device.empty())
    return c.answer.fail(invalid_value("device", shown(m.device), "none for the object store"));
  if (m.device.size() > limits::device_bytes_max)
    return c.answer.fail(invalid_value("device", std::to_string(m.device.size()) + " bytes",
                                       "a class of GPU as its workers name it, at most 128 bytes, or none for all"));
  auto order = parse_order((*texts)["order"]);
  if (!order)
    return c.answer.fail(invalid_value("order", shown((*texts)["order"]), "\"open\", \"close\" or \"reset\""));
  m.order = *order;
  parts_.to->breaker(m, [answer = c.answer, m](outcome<breakers_view, errc> view) {
    log::info("breaker command", {{"model", m.model.value},
                                  {"device", m.device.empty() ? "all" : m.device},
                                  {"order", to_string(m.order)},
                                  {"by", m.by.value},
                                  {"code", view ? errc::ok : view.error()}});
    if (!view) return answer.fail(error_of(view.error(), "the breaker"));
    answer.send(json_answer(text_of(*view)));
  });
}

void gateway_api::on_reprioritise(const call& c) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  auto name = only_field(c.request, "class");
  if (!name) return c.answer.fail(name.error());
  if (!*name)
    return c.answer.fail(
        {.status = 422, .code = "missing_field", .message = "missing field 'class'", .param = "class"});
  auto to = parse_job_class(**name);
  if (!to) return c.answer.fail(invalid_value("class", shown(**name), "\"urgent\", \"vip\", \"standard\" or \"free\""));
  if (!c.who->is_operator)
    if (auto closed = class_problem(*to, *c.who)) return c.answer.fail(*closed);
  reprioritise_job m{c.scope(), c.job, *to};
  parts_.to->reprioritise(m, [answer = c.answer, m, by = c.who->id](outcome<reprioritise_answer, errc> a) {
    const auto id = to_string(m.id);
    log::info("queue command", {{"what", "reprioritise"},
                                {"job", id},
                                {"to", to_string(m.to)},
                                {"by", by.value},
                                {"code", a ? a->code : a.error()}});
    if (!a) return answer.fail(error_of(a.error(), id));
    if (a->code != errc::ok) return answer.fail(refused_for(*a, id));
    std::string text;
    json_writer{text}
        .open()
        .key("id")
        .text(id)
        .key("object")
        .text("video.reprioritised")
        .key("class_before")
        .text(to_string(a->from))
        .key("class")
        .text(to_string(a->to))
        .close();
    answer.send(json_answer(std::move(text)));
  });
}

} // namespace reel
