#include "actors/worker/wan/noise.hpp"

#include <cmath>
#include <numbers>

namespace reel::wan {

philox_counter philox4x32(philox_counter counter, philox_key key) {
  constexpr std::uint64_t multiply_0 = 0xD2511F53, multiply_1 = 0xCD9E8D57;
  constexpr std::uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85; // golden ratio, sqrt(3) - 1
  for (int round = 0; round < 10; ++round) {
    auto product_0 = multiply_0 * counter[0];
    auto product_1 = multiply_1 * counter[2];
    counter = {static_cast<std::uint32_t>(product_1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product_1),
               static_cast<std::uint32_t>(product_0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product_0)};
    key[0] += weyl_0;
    key[1] += weyl_1;
  }
  return counter;
}

namespace {

std::array<float, 2> box_muller(std::uint32_t radius_word, std::uint32_t angle_word) {
  constexpr double scale = 0x1p-32;
  auto radius = std::sqrt(-2.0 * std::log((radius_word + 1.0) * scale)); // (0, 1]: the logarithm is finite
  auto angle = 2.0 * std::numbers::pi * (angle_word * scale);
  return {static_cast<float>(radius * std::cos(angle)), static_cast<float>(radius * std::sin(angle))};
}

} // namespace

void fill_normal(std::uint64_t seed, std::span<float> out) {
  philox_key key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (std::size_t begin = 0; begin < out.size(); begin += 4) {
    std::uint64_t block = begin / 4;
    auto words = philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0}, key);
    auto first = box_muller(words[0], words[1]);
    auto second = box_muller(words[2], words[3]);
    float values[] = {first[0], first[1], second[0], second[1]};
    for (std::size_t i = 0; i < 4 && begin + i < out.size(); ++i) out[begin + i] = values[i];
  }
}

} // namespace reel::wan
