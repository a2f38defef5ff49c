#include "actors/gateway/text/clean.hpp"

#include <algorithm>
#include <cstdlib>
#include <utf8proc.h>
#include <utility>

#include "actors/gateway/text/html_entities.hpp"
#include "actors/gateway/text/utf8.hpp"

namespace reel {

namespace {

constexpr int entity_rounds_max = 8; // ftfy repeats until nothing changes; a prompt may not make that long

std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* out = nullptr;
  auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<long>(text.size()), &out,
                           static_cast<utf8proc_option_t>(options));
  if (size < 0) return std::string{text};
  std::string result{reinterpret_cast<char*>(out), static_cast<std::size_t>(size)};
  std::free(out);
  return result;
}

std::string nfkc(char32_t c) {
  std::string one;
  append_utf8(one, c);
  return mapped(one, UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
}

bool is_ligature(char32_t c) {
  return c == 0x132 || c == 0x133 || c == 0x149 || (c >= 0x1c4 && c <= 0x1cc) || (c >= 0x1f1 && c <= 0x1f3) ||
         (c >= 0xfb00 && c <= 0xfb06);
}

bool is_invisible(char32_t c) { return c == 0xfeff || (c >= 0x206a && c <= 0x206f) || (c >= 0xfff9 && c <= 0xfffc); }

void append_fixed(std::string& out, char32_t c) {
  if (is_ligature(c) || c == 0x3000 || (c >= 0xff01 && c <= 0xffef))
    out += nfkc(c);
  else if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
    out += '\'';
  else if (c >= 0x201c && c <= 0x201f)
    out += '"';
  else if (c == 0x2028 || c == 0x2029 || c == 0x85 || c == '\r')
    out += '\n';
  else if (!is_invisible(c))
    append_utf8(out, c);
}

std::string fix_characters(std::string_view text) {
  std::string out;
  while (!text.empty()) append_fixed(out, take_code_point(text));
  return mapped(out, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string fix_entities(std::string text) {
  if (text.find('<') != std::string::npos) return text;
  for (int i = 0; i < entity_rounds_max && text.find('&') != std::string::npos; ++i) {
    auto next = unescape_html(text, entity_rules::with_semicolon);
    if (next == text) break;
    text = std::move(next);
  }
  return text;
}

/// What Python's \s matches in text.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string collapse_space(std::string_view text) {
  std::string out;
  bool space = false;
  while (!text.empty()) {
    auto c = take_code_point(text);
    if (is_space(c))
      space = true;
    else {
      if (std::exchange(space, false) && !out.empty()) out += ' ';
      append_utf8(out, c);
    }
  }
  return out;
}

} // namespace

std::string clean_prompt(std::string_view prompt) {
  bool plain = std::ranges::all_of(prompt, [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '&'; });
  if (plain) return collapse_space(prompt);
  auto text = fix_characters(fix_entities(std::string{prompt}));
  return collapse_space(unescape_html(unescape_html(text)));
}

} // namespace reel
