// short_text.hpp: Cuts text for people to a bound, never inside a UTF-8 character.
#pragma once

#include <cstdint>
#include <string_view>

namespace reel {

inline constexpr std::size_t error_message_bytes_max = 1024; ///< of a failed job, kept in its row

inline std::string_view shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<std::uint8_t>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

} // namespace reel
