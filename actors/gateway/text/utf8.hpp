// text/utf8.hpp: Strict UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reel {

inline constexpr char32_t not_utf8 = 0xffffffff;

/// Takes one code point off the front; not_utf8 (and one byte taken) when the bytes are not UTF-8. `rest` not
/// empty.
inline char32_t take_code_point(std::string_view& rest) {
  auto byte = [&](std::size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u; };
  unsigned lead = byte(0);
  std::size_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 9 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 9;
  char32_t c = more == 0 ? lead : more == 1 ? lead & 0x1f : more == 2 ? lead & 0x0f : lead & 0x07;
  for (std::size_t i = 1; more < 9 && i <= more; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      more = 9;
    else
      c = c << 6 | (byte(i) & 0x3f);
  }
  bool bad = more == 9 || (more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
             (more == 3 && (c < 0x10000 || c > 0x10ffff));
  rest.remove_prefix(bad ? 1 : more + 1);
  return bad ? not_utf8 : c;
}

inline void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80)
    out += static_cast<char>(c);
  else if (c < 0x800)
    (out += static_cast<char>(0xc0 | c >> 6)) += static_cast<char>(0x80 | (c & 0x3f));
  else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    (out += static_cast<char>(0x80 | (c >> 6 & 0x3f))) += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    (out += static_cast<char>(0xf0 | c >> 18)) += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    (out += static_cast<char>(0x80 | (c >> 6 & 0x3f))) += static_cast<char>(0x80 | (c & 0x3f));
  }
}

} // namespace reel
