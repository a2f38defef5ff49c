// spoil.hpp: Damaged copies of bytes, for points whose faults are corrupt and truncate. Pure.
#pragma once

#include "messages/blob.hpp"
#include "runtime/fault/fault_point.hpp"

namespace reel::fault {

/// One bit is another; `draw` says which. Not one of the first `spared` bytes.
inline blob flipped(const blob& b, std::uint64_t draw, std::size_t spared = 0) {
  std::vector<std::uint8_t> bytes{b.bytes().begin(), b.bytes().end()};
  if (bytes.size() > spared)
    bytes[spared + draw / 8 % (bytes.size() - spared)] ^= static_cast<std::uint8_t>(1u << draw % 8);
  return blob{std::move(bytes)};
}

/// The end is missing, at least one byte.
inline blob truncated(const blob& b, std::uint64_t draw) {
  if (b.empty()) return b;
  auto kept = b.bytes().first(draw % b.size());
  return blob{std::vector<std::uint8_t>{kept.begin(), kept.end()}};
}

} // namespace reel::fault
