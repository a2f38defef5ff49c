#include "messages/wire/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace reel::wire {

namespace {

constexpr std::uint64_t ones = 0x0101'0101'0101'0101, tops = 0x8080'8080'8080'8080;

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

bool is_continuation(std::uint8_t byte) { return (byte & 0xC0) == 0x80; }

/// Bytes from `at` on that are ASCII but not NUL, in steps of eight.
std::size_t ascii_bytes(std::string_view text, std::size_t at) {
  std::size_t end = at;
  for (std::uint64_t eight; end + sizeof eight <= text.size(); end += sizeof eight) {
    std::memcpy(&eight, text.data() + end, sizeof eight);
    if ((eight | (eight - ones)) & tops) break; // a top bit, or a borrow from a zero byte
  }
  return end - at;
}

/// Length a lead byte announces; 0 for bytes that lead nothing.
std::size_t announced_bytes(std::uint8_t lead) {
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/// Length of the character at `at`; 0 if there is none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto lead = byte_at(text, at);
  const auto size = announced_bytes(lead);
  if (size > text.size() - at) return 0;
  if (size < 2) return size;
  const auto second = byte_at(text, at + 1); // bounds keep out overlong forms, surrogates and what is over U+10FFFF
  const std::uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (second < low || second > high) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if (!is_continuation(byte_at(text, at + i))) return 0;
  return size;
}

} // namespace

std::size_t well_formed_bytes(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (auto ascii = ascii_bytes(text, at)) {
      at += ascii;
      continue;
    }
    const auto size = character_bytes(text, at);
    if (size == 0) break;
    at += size;
  }
  return at;
}

std::string make_well_formed(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    while (bytes_max > 0 && is_continuation(byte_at(text, bytes_max))) --bytes_max;
    text = text.substr(0, bytes_max);
  }
  std::string good{text};
  for (std::size_t at = 0; (at += well_formed_bytes(std::string_view{good}.substr(at))) < good.size();) good[at] = '?';
  return good;
}

} // namespace reel::wire
