#include "actors/gateway/http/message.hpp"

#include <algorithm>
#include <utility>

namespace reel {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

} // namespace

std::string_view to_string(http_method m) {
  switch (m) {
  case http_method::get: return "GET";
  case http_method::head: return "HEAD";
  case http_method::post: return "POST";
  case http_method::put: return "PUT";
  case http_method::patch: return "PATCH";
  case http_method::delete_: return "DELETE";
  case http_method::options: return "OPTIONS";
  case http_method::other: break;
  }
  return "other";
}

std::string_view http_request::header(std::string_view name) const {
  std::string_view text = text_;
  for (const auto& f : fields_)
    if (same_name(text.substr(f.name, f.value - f.name), name)) return text.substr(f.value, f.end - f.value);
  return {};
}

std::size_t http_request::count(std::string_view name) const {
  std::string_view text = text_;
  return static_cast<std::size_t>(std::ranges::count_if(
      fields_, [&](const field& f) { return same_name(text.substr(f.name, f.value - f.name), name); }));
}

void http_request::add_header(std::string_view name, std::string_view value) {
  auto start = static_cast<std::uint32_t>(text_.size());
  auto middle = start + static_cast<std::uint32_t>(name.size());
  text_ += name;
  text_ += value;
  fields_.push_back({start, middle, static_cast<std::uint32_t>(text_.size())});
}

void http_request::clear() {
  method = http_method::get;
  http_1_0 = false;
  keep_alive = true;
  target.clear();
  constexpr std::size_t kept_bytes = 64u << 10; // one large body must not stay with an idle connection
  if (body.capacity() > kept_bytes) body = {};
  body.clear();
  text_.clear();
  fields_.clear();
}

void http_response::add(std::string_view name, std::string_view value) {
  headers += name;
  headers += ": ";
  for (char c : value) headers += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  headers += "\r\n";
}

} // namespace reel
