// digest.hpp: 128 bits in place of a text that may be long: job ids, keys and hashes are only ever compared. Two
// texts of a history of a hundred million share a digest with a chance of one in 10^22. Not for secrets.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace reel::check {

struct digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const digest&) const = default;
  bool is_nil() const { return high == 0 && low == 0; }
};

/// One multiplication that spreads every bit over both halves.
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using wide = unsigned __int128;
  auto product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline digest digest_of(std::string_view text) {
  digest d{0x9e3779b97f4a7c15 ^ text.size(), 0xd1b54a32d192ed03};
  while (!text.empty()) {
    std::uint64_t word = 0;
    auto n = text.size() < 8 ? text.size() : 8;
    std::memcpy(&word, text.data(), n);
    d.high = fold(d.high ^ word, 0xa0761d6478bd642f);
    d.low = fold(d.low + word, 0xe7037ed1a0b428db) ^ d.high;
    text.remove_prefix(n);
  }
  return {fold(d.high ^ d.low, 0x8ebc6af09c88c6e3), fold(d.low, d.high ^ 0x589965cc75374cc3)};
}

/// Of two texts, in this order.
inline digest digest_of(std::string_view first, std::string_view second) {
  auto a = digest_of(first), b = digest_of(second);
  return {fold(a.high ^ 0x2545f4914f6cdd1d, b.high) ^ a.low, fold(a.low ^ 0x9e3779b97f4a7c15, b.low) ^ b.high};
}

} // namespace reel::check
