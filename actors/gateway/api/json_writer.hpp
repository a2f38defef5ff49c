// api/json_writer.hpp: Appends JSON to a string. Written by hand because an answer is a fixed shape and this
// costs a tenth of building a document first. Text must be UTF-8.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>

namespace reel {

inline void append_json_string(std::string& out, std::string_view text) {
  auto is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    auto end = at;
    while (end < text.size() && is_plain(text[end])) ++end;
    out.append(text, at, end - at); // nearly always the whole of it
    if ((at = end) == text.size()) break;
    const char c = text[at++];
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    }
  }
  out += '"';
}

/// Commas come by themselves: one is due unless the text so far ends with an opening bracket or a colon.
class json_writer {
public:
  explicit json_writer(std::string& out) : out_{out} {}

  json_writer& open(char bracket = '{') { return comma(), out_ += bracket, *this; }
  json_writer& close(char bracket = '}') { return out_ += bracket, *this; }
  json_writer& key(std::string_view name) { return comma(), append_json_string(out_, name), out_ += ':', *this; }

  json_writer& text(std::string_view value) { return comma(), append_json_string(out_, value), *this; }
  json_writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  json_writer& null() { return raw("null"); }
  json_writer& raw(std::string_view json) { return comma(), out_ += json, *this; }

  json_writer& number(std::integral auto value) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return raw({digits, end});
  }
  json_writer& number(double value) { ///< at most three decimals; JSON knows no infinity
    if (!std::isfinite(value)) return null();
    char digits[40];
    auto end = std::to_chars(digits, digits + sizeof digits, std::round(value * 1000) / 1000).ptr;
    return raw({digits, end});
  }

private:
  void comma() {
    if (out_.empty()) return;
    char last = out_.back();
    if (last != '{' && last != '[' && last != ':') out_ += ',';
  }
  std::string& out_;
};

} // namespace reel
