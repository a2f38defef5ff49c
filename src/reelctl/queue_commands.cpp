// What changes the order of service: over HTTP, so that the key says who gives the command.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "src/reelctl/commands.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;

std::string utc_text(std::int64_t unix_s) { return fmt::format("{:%F %T}Z", fmt::gmtime(unix_s)); }

int set_pause(const common_options& c, const std::string& tenant, bool paused) {
  api_client api{c.api};
  json::object body;
  if (!tenant.empty()) body["tenant"] = tenant;
  auto pauses = api.post(paused ? "/v1/queue/pause" : "/v1/queue/resume", body);
  if (c.json) {
    fmt::print("{}\n", json::serialize(pauses));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"PAUSED", "SINCE", "BY"}};
  for (const auto& p : pauses.at("data").as_array())
    rows.push_back({p.at("tenant").is_null() ? "all" : std::string{p.at("tenant").as_string()},
                    utc_text(p.at("since").to_number<std::int64_t>()), std::string{p.at("by").as_string()}});
  fmt::print("{}", rows.size() > 1 ? format_table(rows, terminal::table_columns()) : "nothing is paused\n");
  return 0;
}

int order_breaker(const common_options& c, const std::string& which, const std::string& order) {
  api_client api{c.api};
  auto slash = which.find('/');
  json::object body{{"model", which.substr(0, slash)}, {"order", order}};
  if (slash != std::string::npos) body["device"] = which.substr(slash + 1);
  auto view = api.post("/v1/breakers", body);
  if (c.json) {
    fmt::print("{}\n", json::serialize(view));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"MODEL", "CLASS", "STATE", "BY"}};
  for (const auto& b : view.at("data").as_array())
    rows.push_back({std::string{b.at("model").as_string()}, std::string{b.at("device").as_string()},
                    std::string{b.at("state").as_string()},
                    b.at("by").is_null() ? "-" : std::string{b.at("by").as_string()}});
  fmt::print("{}", format_table(rows, terminal::table_columns()));
  return 0;
}

int reprioritise(const common_options& c, const std::string& id, const std::string& job_class) {
  api_client api{c.api};
  auto answer = api.post("/v1/videos/" + id + "/reprioritise", json::object{{"class", job_class}});
  if (c.json)
    fmt::print("{}\n", json::serialize(answer));
  else
    fmt::print("{}  {} -> {}\n", id, std::string{answer.at("class_before").as_string()},
               std::string{answer.at("class").as_string()});
  return 0;
}

int final_video(const common_options& c, const final_options& o) {
  api_client api{c.api};
  json::object body;
  if (!o.size.empty()) body["size"] = o.size;
  if (o.steps) body["num_inference_steps"] = *o.steps;
  auto key = fmt::format("reelctl-{}-{}-{}", o.id, o.size, o.steps.value_or(0));
  auto video = api.post("/v1/videos/" + o.id + "/final", body, key);
  fmt::print("{}\n", c.json ? json::serialize(video) : std::string{video.at("id").as_string()});
  return 0;
}

} // namespace reel::ctl
