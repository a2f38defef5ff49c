#include "actors/worker/wan/files/finite.hpp"

#include <algorithm>
#include <cstring>

namespace reel::wan {
namespace {

/// The bits of the exponent: all of them set means infinite, or NaN when the fraction is not zero.
std::uint64_t exponent_of(element type) {
  switch (type) {
  case element::f32: return 0x7f80'0000;
  case element::f16: return 0x7c00;
  case element::bf16: return 0x7f80;
  case element::f64: return 0x7ff0'0000'0000'0000;
  case element::i64: return 0;
  }
  return 0;
}

template <class Word> Word word_at(const std::byte* at) {
  Word w;
  std::memcpy(&w, at, sizeof w); // a file's tensors need not be aligned
  return w;
}

/// A block at a time without a branch per number, which the compiler turns into vector instructions.
template <class Word> std::optional<std::size_t> find(Word exponent, std::span<const std::byte> bytes) {
  constexpr std::size_t block = 4096;
  auto count = bytes.size() / sizeof(Word);
  for (std::size_t begin = 0; begin < count; begin += block) {
    auto end = std::min(begin + block, count);
    unsigned bad = 0;
    for (auto i = begin; i < end; ++i)
      bad |= (word_at<Word>(bytes.data() + i * sizeof(Word)) & exponent) == exponent ? 1u : 0u;
    if (!bad) continue;
    for (auto i = begin; i < end; ++i)
      if ((word_at<Word>(bytes.data() + i * sizeof(Word)) & exponent) == exponent) return i;
  }
  return std::nullopt;
}

} // namespace

std::optional<std::size_t> first_not_finite(element type, std::span<const std::byte> bytes) {
  auto exponent = exponent_of(type);
  if (exponent == 0) return std::nullopt;
  switch (size_of(type)) {
  case 2: return find(static_cast<std::uint16_t>(exponent), bytes);
  case 4: return find(static_cast<std::uint32_t>(exponent), bytes);
  default: return find(exponent, bytes);
  }
}

std::string_view what_is(element type, std::span<const std::byte> bytes, std::size_t index) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + index * size_of(type), size_of(type)); // little-endian, as the file
  auto fraction = ((exponent_of(type) & -exponent_of(type)) - 1) & word;   // below the lowest bit of the exponent
  return fraction ? "NaN" : "infinite";
}

} // namespace reel::wan
