#include "src/reelctl/job_words.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

json::object json_of(const job_event& e) {
  json::object o{{"version", e.version},      {"generation", e.generation},  {"at_ms", e.at.time_since_epoch().count()},
                 {"kind", to_string(e.kind)}, {"state", to_string(e.to)},    {"fence", e.fence},
                 {"worker", e.worker.value},  {"cause", to_string(e.cause)}, {"counted", e.counted},
                 {"gpu_ms", e.gpu_ms}};
  if (e.kind == event_kind::granted) o["from_step"] = e.from_step;
  if (e.kind != event_kind::redriven) return o;
  o["by"] = e.by.value;
  o["reason"] = e.reason;
  return o;
}

std::string what_happened(const job_event& e) {
  switch (e.kind) {
  case event_kind::granted:
    return "granted to " + e.worker.value + (e.from_step > 0 ? fmt::format(", from step {} on", e.from_step) : "");
  case event_kind::ended: {
    auto text = fmt::format("{} on {}", to_string(e.to), e.worker.value.empty() ? "no worker" : e.worker.value);
    if (e.cause != errc::ok) text += ": " + std::string{to_string(e.cause)};
    return text + (e.counted ? "" : " (not counted)");
  }
  case event_kind::redriven: return "redriven by " + e.by.value + ": " + printable(e.reason, 80);
  default: return std::string{to_string(e.kind)};
  }
}

} // namespace

job_id parse_job(const std::string& text) {
  if (auto id = parse_job_id(text)) return *id;
  throw std::runtime_error{"'" + printable(text, 60) + "' is no job id: allowed is video_ and 32 digits 0-9 a-f"};
}

std::string age_of(wall_time t) {
  const auto now = std::chrono::system_clock::now();
  const auto s = std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(now - t).count());
  if (s < 120) return fmt::format("{}s", s);
  if (s < 2 * 3600) return fmt::format("{}min", s / 60);
  return s < 48 * 3600 ? fmt::format("{}h", s / 3600) : fmt::format("{}d", s / (24 * 3600));
}

std::int64_t seconds_of(wall_time t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

json::object json_of(const job_inspection& i) {
  const auto& r = i.job;
  json::array events;
  for (const auto& e : i.events) events.push_back(json_of(e));
  return {{"id", to_string(r.request.id)},     {"tenant", r.request.tenant.value},
          {"class", to_string(r.request.cls)}, {"model", r.request.params.model.value},
          {"state", to_string(r.state)},       {"cause", to_string(r.error)},
          {"message", r.error_message},        {"generation", r.generation},
          {"attempts_used", r.attempts_used},  {"events", std::move(events)}};
}

void print_inspection(const job_inspection& i) {
  const auto& r = i.job;
  fmt::print("{} of {}, {}, {}: {}", to_string(r.request.id), r.request.tenant.value, to_string(r.request.cls),
             to_string(key_of(r.request.params)), to_string(r.state));
  if (r.error != errc::ok) fmt::print(", {}", to_string(r.error));
  fmt::print("\nprompt: {}\n", printable(r.request.prompt, 100));
  if (!r.error_message.empty()) fmt::print("message: {}\n", printable(r.error_message, 500));
  fmt::print("{} counted executions in generation {}\n", r.attempts_used, r.generation);
  std::vector<std::vector<std::string>> rows{{"VERSION", "GENERATION", "FENCE", "AT", "GPU", "WHAT"}};
  for (const auto& e : i.events)
    rows.push_back({std::to_string(e.version), std::to_string(e.generation), std::to_string(e.fence),
                    utc_text(seconds_of(e.at)), fmt::format("{:.1f}s", static_cast<double>(e.gpu_ms) / 1000),
                    what_happened(e)});
  fmt::print("{}", format_table(rows, terminal::table_columns()));
}

} // namespace reel::ctl
