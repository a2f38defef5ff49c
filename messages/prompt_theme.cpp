#include "messages/prompt_theme.hpp"

#include <array>

namespace reel {

namespace {

/// The finaliser of splitmix64: every bit of the token moves every bit of the hash.
std::uint64_t mixed(std::int32_t token) {
  auto x = static_cast<std::uint64_t>(static_cast<std::uint32_t>(token)) + 0x9E3779B97F4A7C15ull;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ x >> 27) * 0x94D049BB133111EBull;
  return x ^ x >> 31;
}

} // namespace

std::uint64_t theme_of(std::span<const std::int32_t> tokens) {
  std::array<std::int32_t, 64> votes{};
  for (auto token : tokens) {
    auto hash = mixed(token);
    for (std::size_t bit = 0; bit < votes.size(); ++bit)
      votes[bit] += static_cast<std::int32_t>(hash >> bit & 1) * 2 - 1;
  }
  std::uint64_t theme = 0;
  for (std::size_t bit = 0; bit < votes.size(); ++bit) theme |= static_cast<std::uint64_t>(votes[bit] > 0) << bit;
  return tokens.empty() ? 0 : theme | std::uint64_t{theme == 0};
}

} // namespace reel
