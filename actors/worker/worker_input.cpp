#include "actors/worker/worker_input.hpp"

#include <boost/json.hpp>

namespace reel {

namespace json = boost::json;

namespace {

std::string text(const json::object& o, std::string_view key) {
  auto* value = o.if_contains(key);
  if (!value || !value->is_string())
    throw std::runtime_error{"worker input: no text under \"" + std::string{key} + '"'};
  return std::string{value->as_string()};
}

std::int64_t number(const json::object& o, std::string_view key) {
  auto* value = o.if_contains(key);
  if (!value || !value->is_int64())
    throw std::runtime_error{"worker input: no number under \"" + std::string{key} + '"'};
  return value->as_int64();
}

double real_number(const json::object& o, std::string_view key) {
  auto* value = o.if_contains(key);
  if (!value || !value->is_double())
    throw std::runtime_error{"worker input: no number under \"" + std::string{key} + '"'};
  return value->as_double();
}

} // namespace

std::string to_json(const worker_input& in) {
  json::array models;
  for (const auto& m : in.models)
    models.push_back(json::object{{"id", m.model.value},
                                  {"kind", m.kind},
                                  {"checkpoint", m.checkpoint},
                                  {"device", m.device},
                                  {"threads", m.threads},
                                  {"artifact_bytes", static_cast<std::int64_t>(m.artifact_bytes)},
                                  {"fail_file", m.fail_file},
                                  {"precision", m.precision},
                                  {"experts", m.experts},
                                  {"drop_text_encoder", static_cast<std::int64_t>(m.drop_text_encoder)},
                                  {"memory_bytes", static_cast<std::int64_t>(m.memory_bytes)}});
  return json::serialize(json::object{{"worker", in.id.value},
                                      {"peer", in.local_peer.value},
                                      {"endpoint", in.endpoint},
                                      {"token", in.token},
                                      {"log_level", in.log_level},
                                      {"log_file", in.log_file},
                                      {"black_box_file", in.black_box_file},
                                      {"keep_warm_ms", in.keep_warm.count()},
                                      {"null_step_ms", in.null_step_time.count()},
                                      {"checkpoint_cost", in.checkpoint_cost},
                                      {"fault_plan", in.fault_plan},
                                      {"fault_folder", in.fault_folder},
                                      {"models", std::move(models)}});
}

worker_input parse_worker_input(std::string_view input) {
  json::error_code bad;
  auto value = json::parse(input, bad);
  if (bad || !value.is_object()) throw std::runtime_error{"worker input: no JSON object on standard input"};
  const auto& o = value.as_object();
  worker_input in;
  in.id.value = text(o, "worker");
  in.local_peer.value = text(o, "peer");
  in.endpoint = text(o, "endpoint");
  in.token = text(o, "token");
  in.log_level = text(o, "log_level");
  in.log_file = text(o, "log_file");
  in.black_box_file = text(o, "black_box_file");
  in.keep_warm = std::chrono::milliseconds{number(o, "keep_warm_ms")};
  in.null_step_time = std::chrono::milliseconds{number(o, "null_step_ms")};
  in.checkpoint_cost = real_number(o, "checkpoint_cost");
  in.fault_plan = text(o, "fault_plan");
  in.fault_folder = text(o, "fault_folder");
  auto* models = o.if_contains("models");
  if (!models || !models->is_array()) throw std::runtime_error{"worker input: no list under \"models\""};
  for (const auto& entry : models->as_array()) {
    if (!entry.is_object()) throw std::runtime_error{"worker input: a model is no object"};
    const auto& m = entry.as_object();
    in.models.push_back({{text(m, "id")},
                         text(m, "kind"),
                         text(m, "checkpoint"),
                         text(m, "device"),
                         static_cast<int>(number(m, "threads")),
                         static_cast<std::size_t>(number(m, "artifact_bytes")),
                         text(m, "fail_file"),
                         text(m, "precision"),
                         text(m, "experts"),
                         number(m, "drop_text_encoder") != 0,
                         static_cast<std::uint64_t>(number(m, "memory_bytes"))});
  }
  return in;
}

} // namespace reel
