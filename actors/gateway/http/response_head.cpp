#include "actors/gateway/http/response_head.hpp"

#include <cstdio>

#include "messages/ids.hpp"

namespace reel {

namespace {

std::string_view reason_of(int status) {
  switch (status) {
  case 200: return "OK";
  case 202: return "Accepted";
  case 204: return "No Content";
  case 206: return "Partial Content";
  case 304: return "Not Modified";
  case 400: return "Bad Request";
  case 401: return "Unauthorized";
  case 403: return "Forbidden";
  case 404: return "Not Found";
  case 405: return "Method Not Allowed";
  case 408: return "Request Timeout";
  case 409: return "Conflict";
  case 413: return "Content Too Large";
  case 414: return "URI Too Long";
  case 415: return "Unsupported Media Type";
  case 416: return "Range Not Satisfiable";
  case 417: return "Expectation Failed";
  case 422: return "Unprocessable Content";
  case 429: return "Too Many Requests";
  case 431: return "Request Header Fields Too Large";
  case 500: return "Internal Server Error";
  case 503: return "Service Unavailable";
  case 505: return "HTTP Version Not Supported";
  default: return "Status";
  }
}

} // namespace

http_response error_response(int status, std::string_view reason) {
  http_response r;
  r.status = status;
  r.close = true;
  std::uint8_t id[8];
  os_random(id, sizeof id);
  r.add("content-type", "application/json");
  r.add("x-request-id", "req_" + to_hex(id, sizeof id));
  r.body = R"({"error":{"message":")";
  for (char c : reason) (r.body += c == '"' ? "\\" : "") += c;
  r.body += status >= 500 ? R"(","type":"server_error","param":null,"code":")"
                          : R"(","type":"invalid_request_error","param":null,"code":")";
  r.body += status == 503 ? "unavailable" : status == 408 ? "timeout" : status == 500 ? "internal" : "malformed";
  r.body += R"("}})";
  return r;
}

void write_head(std::string& out, const http_response& r, const head_facts& facts) {
  char number[24];
  out.assign(facts.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  std::snprintf(number, sizeof number, "%d ", r.status);
  ((out += number) += reason_of(r.status)) += "\r\nDate: ";
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
