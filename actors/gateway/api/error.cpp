#include "actors/gateway/api/error.hpp"

#include "actors/gateway/api/json_writer.hpp"
#include "actors/gateway/text/utf8.hpp"

namespace reel {

namespace {

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

constexpr std::size_t shown_bytes_max = 64;

/// Takes up to `bytes_max` bytes off the front, never half a character; what is not UTF-8 or cannot be printed
/// becomes '?'.
std::string take_printable(std::string_view& text, std::size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    auto rest = text;
    auto c = take_code_point(rest);
    auto bytes = text.substr(0, text.size() - rest.size());
    if (out.size() + bytes.size() > bytes_max) break;
    bool printable = c != not_utf8 && c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029;
    out += printable ? bytes : "?";
    text = rest;
  }
  return out;
}

/// A guess per kind of trouble, where nobody has foretold how long it will last.
constexpr std::chrono::seconds soon{2}, later{10}, much_later{60};

} // namespace

http_response to_response(const api_error& e) {
  http_response r;
  r.status = e.status;
  r.add("content-type", "application/json");
  if (e.retry_after.count() > 0) r.add("retry-after", std::to_string(e.retry_after.count()));
  if (!e.retry) r.add("x-should-retry", "false");
  if (!e.allow.empty()) r.add("allow", e.allow);
  if (e.status == 401) r.add("www-authenticate", "Bearer");
  std::string_view param = e.param; // of a field that is not known: the client's bytes
  json_writer json{r.body};
  json.open().key("error").open();
  json.key("message").text(e.message).key("type").text(type_of(e.status)).key("param");
  if (param.empty())
    json.null();
  else
    json.text(take_printable(param, shown_bytes_max));
  json.key("code").text(e.code).close().close();
  return r;
}

std::string shown(std::string_view text) {
  auto out = '"' + take_printable(text, shown_bytes_max);
  return out += text.empty() ? "\"" : "...\"";
}

api_error invalid_value(std::string_view field, std::string_view shown_value, std::string_view allowed) {
  std::string text = "invalid value for '";
  ((text += field) += "': ") += shown_value;
  ((text += " (allowed: ") += allowed) += ')';
  return {.status = 422, .code = "invalid_value", .message = std::move(text), .param = std::string{field}};
}

api_error error_of(const quota_standing& quota) {
  const bool is_jobs = quota.exceeded == quota_kind::jobs_per_day;
  if (!is_jobs && quota.exceeded != quota_kind::gpu_seconds_per_day) return error_of(errc::quota_exceeded, "");
  const std::string name{to_string(quota.exceeded)}, used = is_jobs ? "videos" : "GPU time";
  return {.status = 429,
          .code = std::string{to_string(errc::quota_exceeded)},
          .message = "the " + used + " of this account for today, or for today in this class, are used up (" + name +
                     "); its next day begins in " + std::to_string(quota.resets_in_s) + " s",
          .param = name,
          .retry = false,
          .retry_after = std::chrono::seconds{quota.resets_in_s}};
}

api_error error_of(errc code, std::string_view what) {
  auto text = [&](std::string_view rest) { return std::string{what} += rest; };
  std::string name{to_string(code)};
  switch (code) {
  case errc::not_found: return {.status = 404, .code = name, .message = text(" does not exist")};
  case errc::conflict: return {.status = 409, .code = name, .message = text(" has already ended"), .retry = false};
  case errc::key_reused:
    return {.status = 422,
            .code = name,
            .message = "this Idempotency-Key was used before with another request",
            .param = "Idempotency-Key"};
  case errc::invalid_argument:
  case errc::unsupported: return {.status = 422, .code = name, .message = text(" is not possible here")};
  case errc::quota_exceeded:
    return {.status = 429,
            .code = name,
            .message = "too many videos of this account are waiting; try again when some have finished",
            .retry_after = much_later};
  case errc::queue_full:
    return {.status = 503, .code = name, .message = "the queue is full; try again later", .retry_after = later};
  case errc::no_space:
    return {
        .status = 503, .code = name, .message = "no space for new work; try again later", .retry_after = much_later};
  case errc::unavailable:
  case errc::unreachable:
  case errc::timeout:
  case errc::draining:
  case errc::busy:
    return {.status = 503, .code = name, .message = "the service cannot answer now; try again", .retry_after = soon};
  default: return {.status = 500, .code = "internal", .message = "internal error"};
  }
}

} // namespace reel
