// Quotas over HTTP: header lines that say what is left, and the view of them.
#include <algorithm>

#include "actors/gateway/api/api.hpp"
#include "actors/gateway/api/json_writer.hpp"

namespace reel {

namespace {

void add_line(std::string& lines, std::string_view name, const std::string& value) {
  ((lines += name) += ": ") += value + "\r\n";
}

/// "20ms", "7s": as OpenAI's own API writes it.
std::string short_time(std::chrono::nanoseconds time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time);
  if (ms < std::chrono::seconds{1}) return std::to_string(ms.count()) + "ms";
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(ms).count()) + "s";
}

double seconds(std::uint64_t ms) { return static_cast<double>(ms) / 1000; }

void write_limit(json_writer& json, std::string_view key, std::int64_t most) {
  json.key(key);
  if (most < 0)
    json.null();
  else
    json.number(most);
}

void write_line(json_writer& json, const quota_line& l) {
  json.open().key("jobs").number(l.jobs);
  write_limit(json, "jobs_per_day", l.jobs_max);
  json.key("gpu_seconds").number(seconds(l.settled_ms)).key("gpu_seconds_reserved").number(seconds(l.reserved_ms));
  json.key("gpu_seconds_per_day");
  if (l.gpu_ms_max < 0)
    json.null();
  else
    json.number(seconds(static_cast<std::uint64_t>(l.gpu_ms_max)));
  json.key("queued_jobs").number(l.queued);
  write_limit(json, "queued_jobs_max", l.queued_max);
  write_limit(json, "running_jobs_max", l.running_max);
  json.close();
}

std::string text_of(const quota_view& v) {
  std::string text;
  json_writer json{text};
  json.open().key("object").text("quota").key("tenant").text(v.tenant.value).key("time_zone").text(v.time_zone);
  json.key("resets_in_seconds").number(v.resets_in_s).key("all");
  write_line(json, v.all);
  json.key("classes").open();
  for (std::size_t c = 0; c < v.by_class.size(); ++c) {
    json.key(to_string(static_cast<job_class>(c)));
    write_line(json, v.by_class[c]);
  }
  json.close().close();
  return text;
}

} // namespace

void api_answer::add_limits(const rate_decision& rate, const tenant& who) {
  add_line(limits, "x-ratelimit-limit-requests", std::to_string(static_cast<std::uint64_t>(who.rate.burst)));
  add_line(limits, "x-ratelimit-remaining-requests", std::to_string(rate.left));
  add_line(limits, "x-ratelimit-reset-requests", short_time(rate.full_in));
}

void api_answer::add_limits(const quota_standing& quota) {
  if (quota.jobs_left >= 0) add_line(limits, "x-quota-remaining-jobs", std::to_string(quota.jobs_left));
  if (quota.gpu_ms_left >= 0)
    add_line(limits, "x-quota-remaining-gpu-seconds", std::to_string(quota.gpu_ms_left / 1000));
  if (quota.resets_in_s > 0) add_line(limits, "x-quota-reset", std::to_string(quota.resets_in_s) + "s");
}

/// Of the caller; an operator may name another tenant.
void gateway_api::on_quota(const call& c) const {
  if (auto wrong = check_query(c.target, {"tenant"})) return c.answer.fail(*wrong);
  tenant_id whose{std::string{query_value(c.target, "tenant")}};
  if (whose.value.empty()) whose = c.who->id;
  const auto& all = c.access->tenants.tenants();
  const bool is_known = std::ranges::find(all, whose, &tenant::id) != all.end();
  if (!is_known || (whose != c.who->id && !c.who->is_operator))
    return c.answer.fail(error_of(errc::not_found, "tenant " + shown(whose.value)));
  parts_.to->quota({whose}, [answer = c.answer](outcome<quota_view, errc> view) {
    if (!view) return answer.fail(error_of(view.error(), "the quota"));
    http_response r;
    r.add("content-type", "application/json");
    r.body = text_of(*view);
    answer.send(std::move(r));
  });
}

} // namespace reel
