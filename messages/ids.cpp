#include "messages/ids.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/random.h>

namespace reel {

namespace {

constexpr char digits[] = "0123456789abcdef";

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

} // namespace

bool is_valid_name(std::string_view text) {
  auto letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  auto allowed = [&](char c) { return letter_or_digit(c) || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= 64 && letter_or_digit(text[0]) && std::ranges::all_of(text, allowed);
}

std::string to_hex(const std::uint8_t* bytes, std::size_t size) {
  std::string text(size * 2, '0');
  for (std::size_t i = 0; i < size; ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text;
}

bool from_hex(std::string_view text, std::uint8_t* bytes, std::size_t size) {
  if (text.size() != size * 2) return false;
  for (std::size_t i = 0; i < size; ++i) {
    int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string to_string(const job_id& id) { return "video_" + hex_of(id); }
std::string to_string(const batch_id& id) { return "batch_" + hex_of(id); }

std::optional<job_id> parse_job_id(std::string_view text) {
  constexpr std::string_view prefix = "video_";
  job_id id;
  if (!text.starts_with(prefix) || !from_hex(text.substr(prefix.size()), id.bytes.data(), 16)) return {};
  return id;
}

id_generator::id_generator() : random_{os_random} {}

void id_generator::fill(wall_time now, std::array<std::uint8_t, 16>& bytes) {
  random_(bytes.data(), bytes.size());
  std::int64_t ms = now.time_since_epoch().count();
  if (ms > last_ms_) {
    last_ms_ = ms;
    counter_ = static_cast<std::uint16_t>((bytes[6] << 8 | bytes[7]) & 0x7ff); // upper half left to count up in
  } else if (++counter_ > 0xfff) {
    ++last_ms_; // 2,048 ids and more in one millisecond: borrow from the next
    counter_ = 0;
  }
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(last_ms_ >> (40 - 8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70 | counter_ >> 8); // version 7
  bytes[7] = static_cast<std::uint8_t>(counter_);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80); // variant of RFC 9562
}

node_epoch draw_epoch() {
  node_epoch e;
  os_random(reinterpret_cast<std::uint8_t*>(&e.value), sizeof e.value);
  return e;
}

void os_random(std::uint8_t* bytes, std::size_t size) {
  if (::getrandom(bytes, size, 0) != static_cast<ssize_t>(size)) std::abort(); // up to 256 bytes never fail
}

} // namespace reel
