#include "actors/gateway/http/response_head.hpp"

#include <algorithm>
#include <cstdio>

#include "messages/ids.hpp"

namespace reel {

namespace {

struct status_words {
  int status;
  std::string_view reason;
  std::string_view code = {}; ///< of what the server refuses by itself
};
constexpr status_words words[] = {
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request", "malformed"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout", "timeout"},
    {409, "Conflict"},
    {413, "Content Too Large", "body_too_large"},
    {414, "URI Too Long", "target_too_long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed", "unknown_expectation"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large", "header_too_large"},
    {500, "Internal Server Error", "internal"},
    {503, "Service Unavailable", "unavailable"},
    {505, "HTTP Version Not Supported", "unknown_version"},
};

const status_words& words_of(int status) {
  static constexpr status_words others{0, "Status", "refused"};
  auto found = std::ranges::find(words, status, &status_words::status);
  return found == std::end(words) ? others : *found;
}

} // namespace

http_response error_response(int status, std::string_view reason, std::string_view code) {
  http_response r;
  r.status = status;
  r.close = true;
  std::uint8_t id[8];
  os_random(id, sizeof id);
  r.add("content-type", "application/json");
  r.add("x-request-id", "req_" + to_hex(id, sizeof id));
  if (status == 503) r.add("retry-after", "2");
  r.body = R"({"error":{"message":")";
  for (char c : reason) (r.body += c == '"' ? "\\" : "") += c;
  r.body += status >= 500 ? R"(","type":"server_error","param":null,"code":")"
                          : R"(","type":"invalid_request_error","param":null,"code":")";
  r.body += code.empty() ? words_of(status).code : code;
  r.body += R"("}})";
  return r;
}

void write_head(std::string& out, const http_response& r, const head_facts& facts) {
  char number[24];
  out.assign(facts.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  std::snprintf(number, sizeof number, "%d ", r.status);
  ((out += number) += words_of(r.status).reason) += "\r\nDate: ";
  (out += facts.date) += "\r\n";
  out += r.headers;
  if (r.stream_endless)
    out += facts.http_1_0 ? "" : "Transfer-Encoding: chunked\r\n";
  else if (r.status != 204 && r.status != 304) {
    auto bytes = r.stream ? r.stream_bytes : r.data.empty() ? r.body.size() : r.data.size();
    std::snprintf(number, sizeof number, "%llu", static_cast<unsigned long long>(bytes));
    ((out += "Content-Length: ") += number) += "\r\n";
  }
  if (!facts.keep_alive)
    out += "Connection: close\r\n";
  else if (facts.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

} // namespace reel
